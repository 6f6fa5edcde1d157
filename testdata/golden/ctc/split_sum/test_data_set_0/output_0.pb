BlossJU
úY¶=@