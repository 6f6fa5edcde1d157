B
grad_inputJ ¥å¡ª‰|ã?Àî{?ÖÙ¿TÂ½UûJ×?k'Xh¬²¿