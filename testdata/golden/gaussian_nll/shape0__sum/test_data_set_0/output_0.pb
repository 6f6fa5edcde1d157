BlossJ
¦Ž«~=(@