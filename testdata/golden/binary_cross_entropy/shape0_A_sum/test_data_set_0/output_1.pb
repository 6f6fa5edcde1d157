B
grad_inputJíä¹‡/ğ?«™ÁY°?çË–m¾ì¿