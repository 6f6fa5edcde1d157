B
grad_inputJ(¼@Zc	;¿Ëİ#ä–™¿ºZIÜfd²¿ô[•’º¿pM/°¸%v¿