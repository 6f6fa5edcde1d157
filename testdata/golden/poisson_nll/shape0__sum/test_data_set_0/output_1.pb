B
grad_inputJÒÔü¢ö¿