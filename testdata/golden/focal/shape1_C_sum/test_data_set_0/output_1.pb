B
grad_inputJ(ÓYBµ?ø·?[VG]7hÅ?Î®“¿í¿ÓŠa\Ğ?ßH†”™pÚ?