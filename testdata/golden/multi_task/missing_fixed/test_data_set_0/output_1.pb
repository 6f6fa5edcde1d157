B
loss_depthJUUUUß’÷?