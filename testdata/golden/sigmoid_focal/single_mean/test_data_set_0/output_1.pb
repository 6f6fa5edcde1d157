B
grad_inputJH‘BÂo°¿Mï¶.ƒ¿Å”.oª	£?