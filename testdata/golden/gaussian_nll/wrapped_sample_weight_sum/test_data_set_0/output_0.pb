BlossJ0
²3ò@