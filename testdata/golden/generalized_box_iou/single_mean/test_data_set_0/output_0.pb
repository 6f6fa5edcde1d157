BlossJàxÓ
§òÎ?