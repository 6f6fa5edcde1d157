B
loss_depthJUUUаз?