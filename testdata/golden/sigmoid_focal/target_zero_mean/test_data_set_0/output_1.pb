B
grad_inputJ`xí7õ×§?*ßöX'@?S}» €¿Íci²øÌ¿æT3e½S?69„$Är¿šÏÔ§—J?#>W:0c¿r°›‡©t¿RÏ¯Mp¿¶<Dz·p¿šW2ukK{?