B
grad_inputJ@=öRÆhÕî?Kz(ùÏ?²­óÉ‰zÔ¿Nñq¾ÏXË?!WÇu½¡À,'‡]Qÿı¿:íP}|jğ¿«+UdÓë?