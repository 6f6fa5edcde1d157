Bgrad_log_varsJˆÎ
½ÎFÀ2ÿi gÀ