B
grad_inputJUUUUUUÕ?UUUUUUÕ?UUUUUUÕ?