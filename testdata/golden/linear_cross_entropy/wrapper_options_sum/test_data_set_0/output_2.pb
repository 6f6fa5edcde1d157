Bgrad_linear_weightJPáœvf [Ì¿æğo@hò¿æÀªËÂÒà¿0cúO(’?êÎÌ’˜
Ö?°)sùéÖ?H|–ÍdòŞ?W‘Ÿè?ÑëIW¦´¿p™húÆ’?