B
grad_inputJx±7Ms’Ä?Y¦Øc¶i•?‹m¯üñ°?