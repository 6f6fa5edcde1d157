Bgrad_tail_1_0_weightJ ¼1{A2‹?b°=›?ï
Ë¦uc¼¿!Áh<”Ì¿