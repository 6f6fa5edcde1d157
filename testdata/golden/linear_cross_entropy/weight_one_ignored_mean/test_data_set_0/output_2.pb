Bgrad_linear_weightJPS>░jN╨©╞░ьx°X┤?е┐Vьсэё©╝ъGхPL°?иuс
ё?╡ЭА░Х╦?⌡R▓CK0Б?≥ &=Г╞©БЁв▀U╣щ©1╨БС╡©