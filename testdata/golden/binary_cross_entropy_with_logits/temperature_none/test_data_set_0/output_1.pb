B
grad_inputJ`VJEéÄ¿Q•Iõ_º?&jiòh]¿§ÿE85¨?ßÓR–Õ¿ w&Ø~¿~Áš¥R†?A1ZD¹W¿
aÛma¿Ì,Tp'(²?RWVøA¿û\›ÿ¥¿