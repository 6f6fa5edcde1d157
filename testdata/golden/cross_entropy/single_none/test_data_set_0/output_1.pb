B
grad_inputJ(BåTŒÓ¸?ƒ²¤®_:Ù?Ã«òl€DÓ?l;­"jÃ?¦:yj4î¿