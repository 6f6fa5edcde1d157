Bgrad_positiveJM,мcн╛о©аn
├z╞?Щ5■Oёдя©