B
grad_inputJ6ด้ร?ฎ?Pฎพิฟ~6คัuส?