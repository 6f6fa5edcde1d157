B
grad_inputJ`333333³?UUUUUU¥¿333333³¿¿UUUUUU¥¿?333333³?UUUUUU¥¿333333³¿¿UUUUUU¥¿?