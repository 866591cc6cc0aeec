"""Erasing: every place that keeps an item, and what is taken out of it."""
