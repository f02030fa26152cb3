"""Image files: find them, read them as RGB in the right orientation, identify their content."""
