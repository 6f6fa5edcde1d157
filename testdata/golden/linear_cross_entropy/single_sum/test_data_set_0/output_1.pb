B
grad_inputJÅ ¥1Ø¿?¸·%Ëâ?