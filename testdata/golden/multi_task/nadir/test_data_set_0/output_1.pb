B
loss_depthJ«ªªr¶EÛ?