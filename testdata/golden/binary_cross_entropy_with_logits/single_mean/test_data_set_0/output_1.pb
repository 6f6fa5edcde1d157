B
grad_inputJ-y:ÀÜP©¿±;f‚nô±?[ÌøŠİŸË¿