Bgrad_anchorJ€·@Eü²?ž)ÿ—
–à¿¬ã~À­A¦?