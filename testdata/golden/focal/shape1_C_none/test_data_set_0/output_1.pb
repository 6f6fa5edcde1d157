B
grad_inputJ(ауf╟gэ┐!J╫┌╜а?+Р║vв└?╢√Qvцoу?Ё¤уQЦ├?