Bgrad_targetJ0ªrìÊiw@°y…îp¹?‹a*¨Ø
ÀT0«'Óò¿oüô@Å"öé©Òû?