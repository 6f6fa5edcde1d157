BlossJÔ‚òmCÇ
@