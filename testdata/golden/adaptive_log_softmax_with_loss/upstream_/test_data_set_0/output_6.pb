Bgrad_tail_1_0_weightJ 0nW)¬8F?v_+»‡1¿@»:¬–ªQ?
ÁÈÅ£ß;¿