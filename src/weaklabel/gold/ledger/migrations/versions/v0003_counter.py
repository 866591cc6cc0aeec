"""Gold records may say which labels an item is easily mistaken for.

They are JSON, so no table changes. An older library would leave these labels out when it records an item again: from
this version on it does not open the ledger.
"""

revision = "0003_counter"
down_revision = "0002_records"


def upgrade() -> None:
    """Change no table: the version is what older libraries look at."""
