BoutputJฺoฦช่
ภ