BoutputJ ¯9NyÍû¿IÈúâ-?ÀvgˆHJÀ7{‹
ÆÀ