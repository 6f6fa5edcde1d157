BlossJv
н4ля╧?