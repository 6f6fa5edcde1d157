B
grad_inputJїв+ѕв+ц?ў4>2ЃЮй?^oЈ?Tр?