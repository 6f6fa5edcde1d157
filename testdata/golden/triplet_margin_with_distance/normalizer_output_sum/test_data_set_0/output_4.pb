Bgrad_negativeJ`HTƒ2é¿9n&cm†â¿ÿéa…!Ë¿xkhR¢æÚ?§ å0É¿>¿W
@Xì?’%[mßá?CIþÜéLÞ?ùþI¢xæ¿Ž¬‘cnã?{“RxG[Ð¿‰	È>ßè¿