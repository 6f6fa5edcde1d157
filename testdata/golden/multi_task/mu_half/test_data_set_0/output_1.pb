B
loss_depthJUUU≈Ни?