B
grad_inputJ`333333≥?UUUUUU•?Å?333333≥?UUUUUU•?Å?333333≥?UUUUUU•øÅ?333333≥?UUUUUU•øÅ?