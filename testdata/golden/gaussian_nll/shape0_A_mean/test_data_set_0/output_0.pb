BlossJØ

ë§	ô?