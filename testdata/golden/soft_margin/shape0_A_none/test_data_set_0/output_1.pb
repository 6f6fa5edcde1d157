B
grad_inputJ^°ﬁß‹?Ω¡‘„?£ñ§YË£vø