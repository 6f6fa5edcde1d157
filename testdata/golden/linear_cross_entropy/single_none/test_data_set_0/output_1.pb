B
grad_inputJÅW°¹Œ¿¬=æú°…–?