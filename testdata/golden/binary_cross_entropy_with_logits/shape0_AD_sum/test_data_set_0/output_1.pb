B
grad_inputJHu&Y9¦@ê?HÏ3ífĞ¿ÀšqƒdM‚¿°wGŸdÖ?,èÌ(QË?@ûiÇi¿p›ÅÀïF©?¾=x×·¿ÒïÊª‰şÕ¿