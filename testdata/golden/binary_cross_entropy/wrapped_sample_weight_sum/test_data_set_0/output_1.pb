B
grad_inputJ`AAΰ?;ΧY`zΡΏψ‘ΪpO2Η?m4]P«χÒΏwwwwwwχ?9ά/p'nρΏy:a²Ξ?G±.ίΒΐθή¶°!ΝΐΔ¬D^xΑΰ?Ύ¦ή9Α?ΓΏTη›dzπ?