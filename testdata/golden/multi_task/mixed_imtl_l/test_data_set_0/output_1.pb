B
loss_depthJ«ªªê1:Ð?