BlossJnдн„h[
@