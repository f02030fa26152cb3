"""Weak labels, boxes with a class name and never a mask, and the readers of their formats."""
