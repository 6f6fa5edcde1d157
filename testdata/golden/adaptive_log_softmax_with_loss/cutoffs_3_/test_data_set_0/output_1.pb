BoutputJ i†I‰bù¿ön²0#
Àq—xx¾À5>F‹˜À