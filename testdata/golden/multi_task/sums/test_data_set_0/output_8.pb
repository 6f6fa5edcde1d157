Bgrad_log_varsJZk,B¸.À>GÀ©ÿÀŠ´y›¼
À