"""Consensus of shapes: which of them are one object, whether it exists, what it is, where it lies."""
