B
grad_inputJí†‹GëÂ?µæçÅ÷Çá¿¹ñEéà?