Bgrad_aux_inputJ``mÅù4gp?_mÅù4gp¿@b^QDÈ?Ab^QDÈ¿bÖf8’y?’bÖf8’y¿Ü”×|ñk•?İ”×|ñk•¿9a
ùÔ¤¿9a
ùÔ¤?q;G…}²¿p;G…}²?