BlossJd3Åbè
@