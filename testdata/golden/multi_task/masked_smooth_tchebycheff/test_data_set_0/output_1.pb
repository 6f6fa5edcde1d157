B
loss_depthJ]t—Á4Ô“?