Bgrad_linear_weightJPd®6®aED?§PããM?—öª§…NP?.DÄ}¾
X?îlS=ïÎc?¡‰˜¹`4m?TEb ıÍY?6W¤¦Ìc?@Ûs†D÷v¿§ÊüUî€¿