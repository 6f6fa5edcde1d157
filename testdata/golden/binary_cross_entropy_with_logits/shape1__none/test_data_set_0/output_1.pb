B
grad_inputJИ~ен°э?