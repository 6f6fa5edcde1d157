B
grad_inputJ(gffffæ¸¿ÎÌÌÌÌ¬Ò?gffffæ¸?gffffæ¸¿gffffæÈ¿