BlossJk2ùdÚ
ø?