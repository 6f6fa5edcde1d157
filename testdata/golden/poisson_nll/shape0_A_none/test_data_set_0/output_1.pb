B
grad_inputJ…"òÜ=Ë?¨5å%áo°?Ğ3tÌ?