B
grad_inputJÊ·ºªÆâ?gˆ-9¬õ¿