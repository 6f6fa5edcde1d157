BlossJ²
Ù–Äzé?