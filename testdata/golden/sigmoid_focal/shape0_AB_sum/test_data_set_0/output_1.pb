B
grad_inputJ0•
³[Ìà?„õâmG·¿Iş&MŸ¿Jîôt°?×ULë ?ºælŸLaÆ¿