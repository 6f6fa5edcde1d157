B
grad_inputJ>┘дл=¤▄?