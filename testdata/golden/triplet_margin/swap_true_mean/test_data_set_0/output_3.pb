Bgrad_negativeJ`|HßÌP•¶?ÑäFKÙÍ¿™nÍƒ|ó’?¢Ø¹¬AjÇ¿L‰z€
Š¿8„b#ÀÅ?§¢;±¿|wéºcÍ¿'NğÍqŒ²¿¥µõ¤RÆ¿M[¦\ERŸ¿¥?ruY—Æ¿