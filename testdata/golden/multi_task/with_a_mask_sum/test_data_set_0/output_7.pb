Bgrad_log_varsJãzÆ3
"8ÀŸJ™²OBÀ