Bgrad_negativeJ
kùSô­Ó?Kw¼Ë¿Çüå?¥Ô˜?