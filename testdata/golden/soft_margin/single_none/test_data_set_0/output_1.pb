B
grad_inputJL0ï2AÈá¿lòd)åß?tUDÃÁÜ¿