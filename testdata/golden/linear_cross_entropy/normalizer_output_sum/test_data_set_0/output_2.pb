B
grad_inputJ@8¹:`üó¿xÙä>²Ý¿~Çƒ×wbú?Fë±Éxò?«uYSZâ¿Rp.oÙ¿BM€Ò±@‚B[­\ÒË?