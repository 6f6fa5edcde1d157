B
loss_depthJ«ªª
µ à?