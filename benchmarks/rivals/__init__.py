"""Rival methods on the same frozen features, for the comparison table; no part of the library."""
