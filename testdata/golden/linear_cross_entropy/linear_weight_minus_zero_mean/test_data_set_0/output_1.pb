B
grad_inputJ@g¢~Ëé¿?ts÷ĞyÛ¿Ú?ağ¾¿aš/¹<±Ò?(FdÑÛ¥?øù­'2³?FrE<`¥¿kbkxÄ±?