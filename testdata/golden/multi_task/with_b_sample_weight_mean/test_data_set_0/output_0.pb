BlossJE!4
ջ@