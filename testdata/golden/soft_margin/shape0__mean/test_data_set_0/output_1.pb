B
grad_inputJwóWnÌoÜ?