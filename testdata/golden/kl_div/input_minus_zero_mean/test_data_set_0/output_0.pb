BlossJƒø
<\°?