B
grad_inputJ`'í¥oß}??Z:ˆ1bu¿Ç‡—sI„¿ôì9e“H‰?]KÜO™n?vùoÙ®Ú„¿¤5Ïº¬>r?Šu8¹éh¿¤ÛI¢/m?}¯gæÓ?ÿÈ(w¼js¿¾ıWçµm?