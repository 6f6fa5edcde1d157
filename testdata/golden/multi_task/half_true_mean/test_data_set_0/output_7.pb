Bgrad_log_varsJ
ã‹Ër‘¡?ô”≈π5q¿