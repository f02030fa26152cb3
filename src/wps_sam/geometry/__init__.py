"""Boxes, coordinate frames and masks: pure functions on numpy arrays, no model and no file."""
