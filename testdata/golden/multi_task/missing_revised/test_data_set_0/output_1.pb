B
loss_depthJUUUU¼×?