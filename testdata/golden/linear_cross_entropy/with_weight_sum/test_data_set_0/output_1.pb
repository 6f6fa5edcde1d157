B
grad_inputJ@‚Éâ…ñ¿i­Îjã?îÛ]Ùgå?£±Y«sÖ?µ}¤š™Zü?Xok=+ò¿¥LGñvÒö?MĞµ¨u¶?