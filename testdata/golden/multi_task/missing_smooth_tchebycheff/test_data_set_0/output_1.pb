B
loss_depthJUUUÕ6—Ð?