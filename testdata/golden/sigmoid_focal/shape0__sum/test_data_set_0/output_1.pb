B
grad_inputJœ'—’u ±?