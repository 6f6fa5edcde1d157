BlossJлллл
∙Б?