"""What a migration to a new schema does to rules, the gold ledger, the label table and files."""
