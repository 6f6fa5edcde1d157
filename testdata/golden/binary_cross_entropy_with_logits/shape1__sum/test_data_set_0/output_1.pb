B
grad_inputJ8pÅØI˜Ş¿