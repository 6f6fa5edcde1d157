B
grad_inputJDø\5ÁÌ?I‘Âè?„Õ(§ÖÅ?