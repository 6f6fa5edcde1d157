B
grad_inputJ	Aô¡À¿