BlossJ Q±ÊÊ
ô?[|û`ëÿ?ï)ÃoY@@4EuPû?