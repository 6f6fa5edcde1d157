B
grad_inputJ0Hñÿ¹-ËI¿À¨Ú_vq?v\!<l?¬Ši\ñ¡?bTW£êl¿­À!ºàŸ?