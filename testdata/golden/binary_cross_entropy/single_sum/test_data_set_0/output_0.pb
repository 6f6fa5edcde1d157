BlossJ(ˆ+ó«
@