B
grad_inputJ(‘!úM¾¿¿Êod¯¬?®eX´?À¼VĞz8b¿XĞ
·çó°?