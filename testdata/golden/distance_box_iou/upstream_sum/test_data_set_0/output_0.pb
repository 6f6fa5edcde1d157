BlossJья”Э?
@