BlossJπç#
≠M@