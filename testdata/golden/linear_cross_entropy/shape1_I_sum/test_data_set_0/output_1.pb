B
grad_inputJp+;9åÙ¶?Ç»|¹G±§?