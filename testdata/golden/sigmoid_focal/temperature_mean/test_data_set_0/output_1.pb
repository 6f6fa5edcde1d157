B
grad_inputJ`ä¯Ï¦Aj?¬å¾ÃƒÈ^?}WÏø€f?‹Úİl©F¿f'iØ}ƒ?3ô˜ Î 7?ŠjF`HQu?`i«t90€¿Æë$ø%e?¨¡·‹t9V?H?Ö2¿Z?RU;=Âw?