"""Labels compared and explained: differences of two versions or runs, one row, one rule."""
