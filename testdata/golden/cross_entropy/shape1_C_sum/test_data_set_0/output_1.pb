B
grad_inputJ(*Ü+ùŠéË?ü¹);M‰æ¿e
­Ä?o-‚r¿?«é)–CmÊ?