B
grad_inputJ`áYŠtØ—i¿¹²ont?l´ÆÔè”¿ÀÔáLe7o?õõå4>¦j¿	
û0‡As?Ûó>:íS¿çkO‹¿ÕQ>²+¬¿ôÒD/z¤…¿©<óBDƒ?i`™™&w¿