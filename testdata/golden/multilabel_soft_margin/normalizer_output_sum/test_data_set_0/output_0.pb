BlossJé*„i2
@