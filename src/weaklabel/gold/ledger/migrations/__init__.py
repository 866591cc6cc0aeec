"""Migrations of the gold room's database: one file a version in `versions`, run when a ledger is opened."""
