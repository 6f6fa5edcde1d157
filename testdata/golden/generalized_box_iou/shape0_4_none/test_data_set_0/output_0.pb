BlossJΠ
^υπ?