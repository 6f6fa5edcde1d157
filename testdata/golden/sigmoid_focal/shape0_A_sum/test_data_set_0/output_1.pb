B
grad_inputJÂÉÒIítº¿•adéP†?A_°ïù“²?