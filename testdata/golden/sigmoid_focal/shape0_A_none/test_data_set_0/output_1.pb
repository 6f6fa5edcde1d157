B
grad_inputJš÷ö(m
 ¿ê¨Šø[Ã—?x73JH?