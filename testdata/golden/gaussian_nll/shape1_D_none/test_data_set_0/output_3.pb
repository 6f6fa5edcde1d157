Bgrad_varJÈgİ`
¿û¿Ï¡tGªcÈ¿ÚkZ_Ñ	À