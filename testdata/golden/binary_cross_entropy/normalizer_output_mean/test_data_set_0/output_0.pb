BlossJÿ
Qä<Uö?