"""Obvious, slow twins of what the package computes fast; tests hold the two together."""
