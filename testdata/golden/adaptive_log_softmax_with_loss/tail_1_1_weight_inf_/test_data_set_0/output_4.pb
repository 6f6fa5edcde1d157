Bgrad_tail_0_0_weightJ  *bŠæ?
d`“vĞ?h˜ÀÑ¿†¸a/±…ú¿