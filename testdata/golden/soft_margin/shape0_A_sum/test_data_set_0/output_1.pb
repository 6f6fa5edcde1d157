B
grad_inputJ%üV<ğê¿yÍŠ¯3PÖ¿zÃ3Ãß¿