BlossJ
¡JÈ,PA