B
grad_inputJ@š™™™™™y¿ ™™™™™y?ffffff¾?ffffff¾¿ffffff¾? ™™™™™y?š™™™™™y¿ffffff¾¿