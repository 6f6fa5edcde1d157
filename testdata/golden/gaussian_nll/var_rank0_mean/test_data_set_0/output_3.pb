Bgrad_varJ‡w
i žå¿