B
grad_inputJªªªªªê£¿ªªªªªª»¿UUUUUÕÇ¿