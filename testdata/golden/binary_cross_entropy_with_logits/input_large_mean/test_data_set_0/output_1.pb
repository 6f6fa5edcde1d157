B
grad_inputJ`UUUUUU–?ûZ"üØ‰¿¿OOˆ8‰–¿°lªİA}—¿ı^_U?è?Z	¨ht?›rĞ|Ot¿¥<#Dcu¦¿yß½Ø¥¿İÖıqµ–¿@.ü´‘)R¿wI`ÈÛ?