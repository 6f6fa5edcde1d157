BlossJÖ¯
¢îÄ?