B
grad_inputJ`333333Ã?UUUUUUµ¿‘?333333Ã?UUUUUUµ?‘?‘¿UUUUUUµ¿‘?333333Ã?UUUUUUµ?333333Ã¿