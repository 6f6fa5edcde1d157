B
grad_inputJUUUUUU¬?UUUUUUÕ¿ªªªªªÐ¿