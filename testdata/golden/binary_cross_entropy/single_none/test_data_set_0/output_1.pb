B
grad_inputJí%´—Ğ^Æ?ÅjÈ£2ö?$Qb](ç¿