BlossJ
B¾{\i@