Bgrad_positiveJ`•°¥¶û·?ôX9«¤£Ð?w%qP8PÃ?yÇÄë:Å?«Ì®nÏ?Bi
–cž´¿èHILçüœ¿[‹ˆ°¿–Ø?QÖ9Qnc¹¿
ÖY‹ZÏ?”~ÿ ãN¡¿Móó†BÛ¢¿