B
grad_inputJæ”"k­Cò?