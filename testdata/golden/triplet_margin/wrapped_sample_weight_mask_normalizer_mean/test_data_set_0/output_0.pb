BlossJ‰Àc“¶
@