Bgrad_anchorJD
๔$SÛ?ý D๓ํฟF๐ุื้?