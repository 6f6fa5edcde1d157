B
grad_inputJõµ]úné?¤eÉê à¿¢›ıRà¿