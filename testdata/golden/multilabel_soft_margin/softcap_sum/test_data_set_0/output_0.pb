BlossJô²çoz®
@