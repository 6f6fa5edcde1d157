B
grad_inputJ`UUUUk°ò>i˜]a¿j1mFg<‹?Ye¿ï‘lS?˜5ÁMä*¿ï÷h'´V¿ãåLßÏb?òtP¿`Â¦lz?Âe€þòÔ@¿u—›>B?[¨BQm?