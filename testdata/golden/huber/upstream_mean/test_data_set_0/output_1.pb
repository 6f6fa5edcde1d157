B
grad_inputJ`ªªªªj’¸¿UUUUUw­?UUUUUý”¿UUUUUÕ¹?UUUUUÕ¹¿UUUUUÕ¹?UUUUUÕ¹¿ªªªªªÐ·¿UUUUU[‘?UUUUUÕ¹¿UUUUUÕ¹¿UUUUUÕ¹¿