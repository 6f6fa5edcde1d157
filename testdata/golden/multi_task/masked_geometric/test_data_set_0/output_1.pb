B
loss_depthJUUU/hä?