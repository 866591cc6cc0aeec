"""The gold set: which item has which label and role, what may move where, and how sound the set is."""
