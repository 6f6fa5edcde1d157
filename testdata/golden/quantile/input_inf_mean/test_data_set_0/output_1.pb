B
grad_inputJ`333333≥?UUUUUU•øÅ?ÅøUUUUUU•?Å?333333≥?UUUUUU•ø333333≥ø333333≥?UUUUUU•?Å?