B
grad_inputJ(×e‡<®Q?àlê˜V²2?î+Á¼@¿·@HT#Û@¿¨$(K†?