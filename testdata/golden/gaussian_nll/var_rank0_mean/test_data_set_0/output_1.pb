B
grad_inputJ§…îØÕ°Ô¿ÚC.+Jè¿†¥q¢òÄ¿