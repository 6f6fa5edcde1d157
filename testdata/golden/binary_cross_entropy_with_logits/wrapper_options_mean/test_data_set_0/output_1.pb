B
grad_inputJ`ƒ=b»çUv?â›_­x¿¨Mñ€$õv?-÷z“)W?;êò"ÉUF¿õÜäö,§o?Ÿß—«t¨`?ù¥!¡ŒtZ¿÷zNñ{]a¿ÁhŠ¾Áf¿İÛ‡6’mv¿+fiÇËiƒ?