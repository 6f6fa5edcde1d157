B
grad_inputJ`½
fI9 ¡¿ÇqÇi¨?GFFFFf~¿£`Q°(XÎ¿¯¡¼†òyÈ¿c–#?WÌ¸¿‡ØÀggÄ?Dc}h¬ßÆ?1‚‰şNª?~È	Ây½?‚u´yÿ¿Ni^ü‰$¹¿