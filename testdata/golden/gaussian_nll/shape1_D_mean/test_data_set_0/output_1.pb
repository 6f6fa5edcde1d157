B
grad_inputJ´N=ž]3ê¿î(Wº·¿A¸û‘“¿