BlossJ¶­Å
~Ô@