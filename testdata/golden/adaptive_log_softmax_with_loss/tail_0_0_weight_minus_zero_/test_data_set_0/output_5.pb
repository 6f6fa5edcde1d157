Bgrad_tail_0_1_weightJ0:G$´Ì?[QñğÈ¿D†ËxŠ¢•¿<Ó" EY´?qÖ
ÌbêÉ¿úâÂÒ†½?