B
grad_inputJ(gffffФх?нлллл╛р©нлллл╛р©gffffФх?gffffФх?