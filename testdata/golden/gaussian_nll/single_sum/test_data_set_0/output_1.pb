B
grad_inputJ?4Ö‡ÆúĞ¿–n•nõ¿˜Á:Ú¼í?