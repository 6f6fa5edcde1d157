BoutputJ >ŠPß
W!À†è…èCŸÿ¿
(ùÿÀ|aË=TÔÀ