B
grad_inputJонннн]Р