Bgrad_tail_0_1_weightJ0‚İ5È
Ò?§Š4/gÔ?®FÄy°Ñ¿P@V#îÿÉ¿@mç¤E˜¿ø©%v`œ½¿