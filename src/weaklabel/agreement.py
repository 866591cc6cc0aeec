"""How far labelers agree beyond chance."""
