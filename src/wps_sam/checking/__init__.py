"""Look for what is wrong with labels and images before anyone trains on them."""
