B
grad_inputJ v6
'Òœ¿NNïÍRhÀ?,tË‹_—¸?B×Îˆ¹?