B
loss_depthJFÝ^Ð
ä?