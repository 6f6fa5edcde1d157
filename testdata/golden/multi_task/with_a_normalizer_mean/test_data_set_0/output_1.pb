Bloss_aJ^·
€H@@