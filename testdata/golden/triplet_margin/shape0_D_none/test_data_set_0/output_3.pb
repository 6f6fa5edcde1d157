Bgrad_negativeJ½‘„¹N‘ª?/
@#ùÒä¿ƒÈ£İDîí¿