BlossJри
ж1@