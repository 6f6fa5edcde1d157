B
grad_inputJ‡êGÂnª?`¶`¶î¿Ó`Vø©èÌ?