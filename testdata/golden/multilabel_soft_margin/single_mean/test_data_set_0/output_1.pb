B
grad_inputJ(N~¤~±¥¿t(´aR‘¨?&ù6:P½¿Ž‘Tp!€¥?HßXa´¿