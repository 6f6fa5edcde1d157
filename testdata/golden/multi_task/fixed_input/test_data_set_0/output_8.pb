Bgrad_task_weightsJ«ªª*
*Õ? ËèrÈ@ãEó^Ô@