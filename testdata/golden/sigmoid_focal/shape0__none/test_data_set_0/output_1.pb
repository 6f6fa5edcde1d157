B
grad_inputJ´_9#Ëãc¿