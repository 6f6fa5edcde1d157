Bgrad_log_varsJïñ"<
ßØ?Ü–Íxæy»?#\©R×Œð¿