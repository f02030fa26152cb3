"""What predicting costs on the user's own machine, against the plain path of the published code."""
