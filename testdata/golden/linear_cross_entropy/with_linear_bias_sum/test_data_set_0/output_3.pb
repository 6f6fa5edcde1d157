Bgrad_linear_biasJ(Z
¾å^Zâ?ëg—^Žˆþ¿2%ñ×¡å?‹Î#IVì¿êÈ·“ø?