B
grad_inputJ(kb¥ÆÈ?3Uœğ?gâÿÑZİ¿