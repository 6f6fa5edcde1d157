B
grad_inputJ`UUUßH%z¿ùk9p÷C?t îìır¿pØk€Áşu?²9¦ì•OB¿@Šmjš?Ê	Ô7‚ŸP¿bwŞyuıt¿ĞÏÌBŒx?x§ÖÆi?XÄœs?Bóf±Èb?