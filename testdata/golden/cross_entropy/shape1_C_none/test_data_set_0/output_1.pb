B
grad_inputJ(D ÑJ†ŞÅ?m?ş8nf‚?€7ZæÃz½?b[¸ĞÃßÛ¿Êâ8ıÁ?