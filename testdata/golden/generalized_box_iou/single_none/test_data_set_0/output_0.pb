BlossJ,Éò¼×
ý?