"""What people's answers come to: consensus, more opinions where they are needed, experts, review."""
