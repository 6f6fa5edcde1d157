B
grad_inputJ)üÀÎJ0ã?&ŸZôÃÚ?²}ù¨C Ñ?