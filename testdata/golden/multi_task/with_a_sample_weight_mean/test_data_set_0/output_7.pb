Bgrad_log_varsJ
8ç8høﬁ?±|ÓKÅ‚?