B
grad_inputJaKÒsıÚ¿¿°ĞE¹eÔŞ?ÁàôÛfÍ¿