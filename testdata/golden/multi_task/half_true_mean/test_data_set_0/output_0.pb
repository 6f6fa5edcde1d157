BlossJè
8‹îW@