Bgrad_tail_1_0_weightJ Q4
|®
ƒ?ÒιG β› ?Βίαβ±ΡΏ*qιv&J°Ώ