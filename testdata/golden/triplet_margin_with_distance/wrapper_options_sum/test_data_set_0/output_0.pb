BlossJθάβή
@