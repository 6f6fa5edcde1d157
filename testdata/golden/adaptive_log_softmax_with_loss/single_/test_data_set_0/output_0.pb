BlossJฺoฦช่
@