Bgrad_linear_weightJPCƒ•pÃlÜ?&†) f“?JlÕ
Õ×¿¶á’Ù­?@QÇ%ÚB“?ºDÓ…jUÌ¿nºëÇXT‰¿T¸…ä0¦f¿è¸t)´¿Š¢­ß8ûÂ?