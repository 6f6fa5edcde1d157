BlossJлк:
╫К@