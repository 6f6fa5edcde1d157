B
grad_inputJ0gáù1=ì?jÜÀ¨3«¿ÇqÇqì¿ô}A_Ð·?[EtJuË?)!§~áÖ?