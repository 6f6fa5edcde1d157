B
loss_depthJUUUU‹£Õ?