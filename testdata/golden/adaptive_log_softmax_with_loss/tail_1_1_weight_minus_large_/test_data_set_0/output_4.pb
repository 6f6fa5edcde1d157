Bgrad_tail_0_0_weightJ Š¹$M‹Ï½?8yØ–?t‡Åb· ¿
Ú¯Ÿy¿