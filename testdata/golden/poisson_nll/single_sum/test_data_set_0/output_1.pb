B
grad_inputJŸ[´öªÞâ¿)?lø¿Iç@I\ÊÑ¿