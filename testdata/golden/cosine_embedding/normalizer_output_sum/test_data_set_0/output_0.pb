BlossJßnR·œ
@