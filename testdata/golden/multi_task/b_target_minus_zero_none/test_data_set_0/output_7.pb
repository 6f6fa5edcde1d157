Bgrad_log_varsJ¯
6Kä%ÀıA½g›3À