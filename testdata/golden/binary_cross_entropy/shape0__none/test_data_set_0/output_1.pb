B
grad_inputJ†¹Û4[˜»?