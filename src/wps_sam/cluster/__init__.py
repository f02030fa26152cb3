"""Embedding and prediction on the machines of a Ray cluster, with the results of one process."""
