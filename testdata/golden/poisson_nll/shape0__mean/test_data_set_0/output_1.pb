B
grad_inputJ†Ş9Jğ?