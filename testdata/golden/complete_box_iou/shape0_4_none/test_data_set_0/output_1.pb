Bgrad_boxes1J G'0f¯f?7È¨éVV¿’
È1O?ƒÇ5Þq¿