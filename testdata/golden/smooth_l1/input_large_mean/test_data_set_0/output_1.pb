B
grad_inputJ`UUUUUUµ?UUUUUUµ?UUUUUUµ¿ªªªªªjŸ?ªªªªªªˆ?UUUUUUµ?ªªªªªª†¿UUUUUUµ¿ªªªªªJ´¿UUUUUÕ²?UUUUUUµ?ªªªªªj±?