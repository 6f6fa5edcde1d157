B
loss_depthJUUU‹lÿÙ?