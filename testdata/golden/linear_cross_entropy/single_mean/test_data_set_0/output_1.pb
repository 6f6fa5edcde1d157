B
grad_inputJÀ}NöIâ?=÷ÒqCÛí¿