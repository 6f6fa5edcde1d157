Bgrad_linear_weightJPб6нiG¤?шЋlѕЛиЋ?ЩXдн7Џ»?ЇЭ (ьЎНї
3ҐБЅґТїЗC§~сbЦї^™"3ў“Д?ЂX‹ц‹?tkcйђї±±еmz®б?