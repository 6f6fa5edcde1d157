B
grad_inputJ…©µ4ÈÝ?b[\iZÄ?