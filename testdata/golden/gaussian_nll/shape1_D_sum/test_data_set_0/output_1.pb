B
grad_inputJÇqÇq|?ÄÏ(ñ3Jü?sçÎ;wÒ¿