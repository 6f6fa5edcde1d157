B
grad_inputJ´#†iywֳ? —u«ח“?0¥h>מלÊ?