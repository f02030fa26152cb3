"""Everything that learns: image features in, prompt tokens and classes out."""
