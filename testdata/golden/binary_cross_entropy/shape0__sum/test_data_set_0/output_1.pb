B
grad_inputJ†a†aè¿