Bloss_bJอื๊Y
v=@