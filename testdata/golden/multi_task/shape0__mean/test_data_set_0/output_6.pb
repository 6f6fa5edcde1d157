Bgrad_b_targetJ`ôwV:ù ®¿6Rò#š¿”n€/@¢¿RS6QŞ	‰?JN»
œ‘?mÚéN½Æ“?Oü·æìV¿`†ó5g±?ß©‹XÍU®?põ˜j:?põ˜jZ¿ê]39t?