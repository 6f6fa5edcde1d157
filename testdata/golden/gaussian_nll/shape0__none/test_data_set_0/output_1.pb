B
grad_inputJ–¨]‰Ú%ð¿