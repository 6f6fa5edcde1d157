B
grad_inputJ~gö«µ·?pæîûã¿