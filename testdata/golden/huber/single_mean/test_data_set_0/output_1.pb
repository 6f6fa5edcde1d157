B
grad_inputJªªªªªêÁ¿UUUUUUÕ?UUUUUUÕ?