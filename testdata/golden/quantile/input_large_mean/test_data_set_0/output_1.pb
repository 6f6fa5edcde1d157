B
grad_inputJ`333333³?UUUUUU¥?333333³¿¿UUUUUU¥¿?¿UUUUUU¥¿333333³¿333333³?UUUUUU¥??