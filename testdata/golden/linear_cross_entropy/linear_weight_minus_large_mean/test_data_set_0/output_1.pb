B
grad_inputJ@!’tD{@≈?˛:O¶t≈øÑŒuKW´¡?Íã/∆?zøT[‡`≈?Rlv ói¬ø¿>ê§ﬂ-J?4±^2æ‡—ø