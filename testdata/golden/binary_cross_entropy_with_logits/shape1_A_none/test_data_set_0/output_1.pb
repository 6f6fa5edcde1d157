B
grad_inputJt¡ºXÜ]-¿ŒÐŽæ¯Ô¿«¶ÚG¯µ?