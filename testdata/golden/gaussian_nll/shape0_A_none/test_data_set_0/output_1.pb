B
grad_inputJ§u¼9¡¨Ô¿s‰ð¤ ù­¿DDDDDäÀ