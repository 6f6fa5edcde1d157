B
grad_inputJoÒ6ö§âÍ?¹xPŞI¯¿m‚­¸7
Â?