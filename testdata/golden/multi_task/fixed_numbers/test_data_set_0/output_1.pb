B
loss_depthJUUUU—kà?