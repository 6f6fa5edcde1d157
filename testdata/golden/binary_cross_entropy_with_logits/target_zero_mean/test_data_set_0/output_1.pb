B
grad_inputJ`ºÜ/N(¤?íc†r/”¿OBÃw!ª?[oC¡c"|?œz|µJ€?DK(g¨2¢¿åşÊÑ–?€S…ÆM˜¿İ¡d™„MŒ¿ Tr(a¿såô¬¡¿h´D2<]‡¿