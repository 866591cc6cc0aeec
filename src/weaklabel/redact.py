"""What must not leave: patterns of personal data, replaced by stable placeholders and put back."""
