Bgrad_tail_1_1_weightJ0ÿò¢75Ï¿xÅ„¡ĞÄ¿I`èØ{¿œ”a	’r¿I:'
Ğ?fŒÏ1eÅ?