B
grad_inputJте%ф
Ч?