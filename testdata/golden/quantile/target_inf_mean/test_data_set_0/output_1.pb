B
grad_inputJ`¿UUUUUU¥¿333333³¿333333³?UUUUUU¥??¿UUUUUU¥¿?¿UUUUUU¥¿333333³¿