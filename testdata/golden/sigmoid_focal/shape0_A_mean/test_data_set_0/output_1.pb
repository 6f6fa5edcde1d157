B
grad_inputJvİ_
Î¤¿Y«¿`™^!®F¿