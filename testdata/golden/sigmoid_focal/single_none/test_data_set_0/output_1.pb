B
grad_inputJjÆÄOÏ¿59ûî„?ĞÀá"±?