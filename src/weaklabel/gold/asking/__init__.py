"""Who is asked about what: batches, hidden checks, training rounds, and what the answers amount to."""
