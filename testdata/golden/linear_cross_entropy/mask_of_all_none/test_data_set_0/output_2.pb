Bgrad_linear_weightJPt¨rU\›Ë¿9B¼Ø&8À¿=v$9äù¿»0¾¿VÙã?àŸ>ùkæ?
><´6‘Þ¿'m8-dÃ?ÇÜúpü Ô¿ð´KØDjï?vÚ™Ó?