B
grad_inputJªûòØŠ0ú¿¸FV—a¯Á?'_6hò…@