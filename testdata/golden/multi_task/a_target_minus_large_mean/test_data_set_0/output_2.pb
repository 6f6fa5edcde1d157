Bloss_bJ«ªªã
ý?