Bgrad_targetJ˜û¿¾Á+²?3?4
+Þ¦¿§ÉiÁ"Ø¿