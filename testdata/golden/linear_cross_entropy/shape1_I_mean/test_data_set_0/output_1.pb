B
grad_inputJü¹¨ÊbÚê?¶¼Dôµ?