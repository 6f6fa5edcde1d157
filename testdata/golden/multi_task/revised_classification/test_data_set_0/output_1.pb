B
loss_depthJUUUõºÙ?