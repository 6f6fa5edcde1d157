B
grad_inputJ@ffffffŞ? ™™™™™™?ffffffŞ? ™™™™™™?ffffffŞ? ™™™™™™?ffffffŞ?ffffffŞ¿