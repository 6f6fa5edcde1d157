BlossJ/ªkR´ì
@