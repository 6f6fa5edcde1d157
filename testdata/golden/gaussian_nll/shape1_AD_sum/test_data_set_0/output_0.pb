BlossJ¼Üƒ
@