B
grad_inputJX'ğäß?©:øXö¿ƒ“ßŠâ¿