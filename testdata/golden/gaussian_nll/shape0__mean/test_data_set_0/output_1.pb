B
grad_inputJOÅêT¬Nå¿