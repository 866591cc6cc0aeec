"""The database of answers and decisions: append-only, one for all tasks of a project."""
