BlossJ
(ȔG@