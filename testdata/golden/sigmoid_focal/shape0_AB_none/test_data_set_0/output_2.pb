Bgrad_targetJ0»pŸ©À¿ì(ÆIê±?.
Xs^Ú§?Fx8ÃP³¿X´ëª“¿%‹ÿüFðÈ?