Bgrad_targetJ0Jû~ÆlÀ´÷ R1øä?³ûIR·í?\é>¨¹Þõ¿Ji	 ‡S
@ßY|ÂU—ë¿