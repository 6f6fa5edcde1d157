BoutputJ #&εΊcθωΏθdνf'ΐέμ²‹M
ΐ ²Ήµ»hύΏ