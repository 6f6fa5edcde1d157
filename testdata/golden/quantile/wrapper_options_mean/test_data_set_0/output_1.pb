B
grad_inputJ`q¿UUUUUU•¿333333£¿333333£?UUUUUU•?q?q¿UUUUUU•¿333333£¿q¿UUUUUU•¿333333£¿