B
loss_depthJ«ªªê~­Ú?