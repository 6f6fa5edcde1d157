B
grad_inputJ({ı;xÑ¿