"""The report: one HTML file with every score and a gallery, readable without a network."""
