B
grad_inputJ0”ÃÂ°¯¤ó¿İ SQr™Ø¿ô;c!@fffff¦ì¿ìCãG#À2‰•eä¿