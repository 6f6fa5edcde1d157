B
loss_depthJUUÖ≈jm‹?