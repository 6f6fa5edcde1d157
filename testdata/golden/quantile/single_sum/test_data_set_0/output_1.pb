B
grad_inputJ333333Ó?UUUUUUÅ?¡?