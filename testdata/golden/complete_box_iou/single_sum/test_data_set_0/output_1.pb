Bgrad_boxes1J ÚçXœŠ
µ?—}h.…?ö±Æé]çi¿t)ë¤h¯¿