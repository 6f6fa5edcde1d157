B
grad_inputJ@:Ó,¤@êÛ?’¥ZKAká¿ı’'âîa?„8¡H^í¬¿˜S8MÁç£¿¹¡áÃpóÕ¿N(ÔJq‡Å¿ki%!ˆ‚×¿