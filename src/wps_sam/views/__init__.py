"""Other ways to look at a labelled photograph, so that few photographs teach more."""
