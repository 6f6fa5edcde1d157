B
grad_inputJn┴G╒ео©&п-Eф?`Bxhaг©