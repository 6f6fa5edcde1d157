BlossJ
°z
m69@