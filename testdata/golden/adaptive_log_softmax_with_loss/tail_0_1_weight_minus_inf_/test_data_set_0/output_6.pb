Bgrad_tail_1_0_weightJ –eR­•ηΏιψσ€%Ήυ?9Θaw
ίζΏή7οyκώτ?