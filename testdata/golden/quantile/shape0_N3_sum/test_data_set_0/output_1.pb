B
grad_inputJ`¡¿UUUUUUÅ¿333333Ó¿333333Ó?UUUUUUÅ¿333333Ó¿¡¿UUUUUUÅ¿333333Ó¿333333Ó?UUUUUUÅ?¡?