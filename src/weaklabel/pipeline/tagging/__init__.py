"""`run` for tasks whose rows may have several labels."""
