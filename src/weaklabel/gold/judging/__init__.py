"""How far each person can be trusted, and what is done on a bad day."""
