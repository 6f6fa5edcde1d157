B
grad_inputJ¼}­$Ö¿