B
loss_depthJ«ªª*
*Õ?