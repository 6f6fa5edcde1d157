Bloss_segJtYzÙ,
@