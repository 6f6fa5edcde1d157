B
grad_inputJ`S<½Ã?—[ãˆ>†¿ºÖ¾|q‹t?l
Ğç›®?vßÑM×u¿»ÍÁS…Z­?şlZœ·nÁ¿úI€ƒßuS?	u¦Ür'’?¨MŸx3(À¿;{ÿÂ¾„¿P´KZf?