B
grad_inputJ9É\)¿á?œq-ÔTÈ?’$I’$Iò¿