Bgrad_linear_weightJP@Aë»&cx?tVa/¹Xy¿UÓë‡¸lx?WÇÇ(j4‹¿Ä~úq?uËKŒê†¿÷·Ë¥•¿„Ûv8
á¤?Õ³Dl¯ q?â…—ÕÕ¸„¿