B
grad_inputJ`¿UUUUUU¥¿?¿UUUUUU¥¿333333³¿¿UUUUUU¥¿?¿UUUUUU¥¿333333³¿