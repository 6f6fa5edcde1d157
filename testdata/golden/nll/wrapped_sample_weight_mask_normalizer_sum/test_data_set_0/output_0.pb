BlossJ§
«[Wú?