"""From a trained run and an image to named part masks, and from masks to files."""
