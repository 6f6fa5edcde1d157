B
grad_inputJô¿w¸àÅ¿ê§[š	u¤?€Ûq'ş’?