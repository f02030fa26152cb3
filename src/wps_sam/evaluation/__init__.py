"""Scores of predictions against truth. Knows prediction and truth files, never a model."""
