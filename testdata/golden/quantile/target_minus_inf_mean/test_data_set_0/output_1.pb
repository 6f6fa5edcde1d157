B
grad_inputJ`333333≥?UUUUUU•?Å?333333≥?UUUUUU•?Å?ÅøUUUUUU•ø333333≥ø333333≥?UUUUUU•?333333≥ø