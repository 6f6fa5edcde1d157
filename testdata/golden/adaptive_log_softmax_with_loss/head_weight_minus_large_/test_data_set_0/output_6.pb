Bgrad_tail_1_0_weightJ ΨµεκqWΒΏπι½Ν±Β?bΣI*μΜΏ>ª
‘ήwΜ?