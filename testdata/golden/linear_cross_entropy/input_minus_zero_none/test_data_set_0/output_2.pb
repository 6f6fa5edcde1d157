Bgrad_linear_weightJP:à|®† ¢¿„ó@Ç?€
föî¼¿Gû¶³UÚË¿jUoeºÁÒ?oø-t²@„g²İÎÃº¿•$aM·İ¿üûƒõÁ‡¤¿Ö¯Y¯À