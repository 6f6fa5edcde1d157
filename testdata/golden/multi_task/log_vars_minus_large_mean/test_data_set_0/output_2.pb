Bloss_bJлкк
g╟·?