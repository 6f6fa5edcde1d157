Bloss_segJ
่จำ์?