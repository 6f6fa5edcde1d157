BlossJHázôÛ
÷?