Bgrad_b_targetJ`h”X£aΘ?VqE™\Βy?WΪ›η8Α?WΪ›η8Ρ?Λ«ΊT”u§?\[ύVGυΔ?ορΰh
³”?{j‹ύw@¶Ώ‰=m"‘Ώh”X£aΏgμ\τό†»Ώ¦e”@8ª?