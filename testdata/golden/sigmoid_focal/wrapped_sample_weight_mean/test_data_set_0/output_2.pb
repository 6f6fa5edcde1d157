Bgrad_targetJ`
áªf¿e.®ğrEi¿R3xÈ›ft¿Ü6–Á85p¿³LéH€Â€¿¼)ÑÖ³X¿%©ğ<iË¿¬lújK«a¿ZÖÄl¿ƒñÚ“0^–¿îŒ5¢¿Ôe¾SÄ¥¿