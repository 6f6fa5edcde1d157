B
grad_inputJ(G¿úÜ"sç?àô’N˜¬??,Ä
½ñÌ?—mñb/¼?DV±¯ÿñ¿