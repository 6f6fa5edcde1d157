B
loss_depthJš™™Ã¥öÙ?