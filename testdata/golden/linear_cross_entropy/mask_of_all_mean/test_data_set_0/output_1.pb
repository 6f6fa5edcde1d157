B
grad_inputJ@ÚWÜo-d¶¿¾tò¦2Ë¿&­xÆ¿´c²TuÛ¿sAèHŞ?¨”Ğ¥qÚ—¿š¹C¹@Ë¿ÒGÉ´‰Á¿