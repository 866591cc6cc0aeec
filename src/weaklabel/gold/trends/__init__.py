"""How people's work moves: agreement, time, what is contested, cost, and who labels: people or rules."""
