B
loss_depthJ/єи2оюб?