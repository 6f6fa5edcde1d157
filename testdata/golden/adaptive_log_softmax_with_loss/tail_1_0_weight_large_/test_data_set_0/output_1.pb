BoutputJ 
-¦œå¿}W¬¥÷ÀgÅTn1ÀnÔÃpO¡À