BoutputJ .m&t1À²zxÏƒcÀ)Ýo})î¿ü=1f‘
À