B
grad_inputJ¬Şjé[´?¾«qcœ¿0}!`†­?