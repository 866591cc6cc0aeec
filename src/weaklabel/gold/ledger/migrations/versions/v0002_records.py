"""Records of decisions, in one table: append-only like the answers, and numbered with them."""

import sqlalchemy as sa
from alembic import op

revision = "0002_records"
down_revision = "0001_answers"

_FIXED = "the ledger is append-only: a correction is a new row"
_KEPT = "the ledger is append-only: only an erasure deletes"


def upgrade() -> None:
    """Make the table and the triggers that refuse changes."""
    op.create_table(
        "records",
        sa.Column("number", sa.BigInteger, nullable=False, autoincrement=False),
        sa.Column("task", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.Column("recorded_at", sa.DateTime, nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_records"),
    )
    op.create_index("ix_records_task_kind", "records", ["task", "kind"])
    if op.get_bind().dialect.name == "sqlite":
        _sqlite_triggers()
    else:
        _postgresql_triggers()


def _sqlite_triggers() -> None:
    op.execute(
        f"CREATE TRIGGER records_update BEFORE UPDATE ON records BEGIN SELECT RAISE(ABORT, '{_FIXED}'); END"
    )
    op.execute(
        "CREATE TRIGGER records_delete BEFORE DELETE ON records WHEN NOT EXISTS (SELECT 1 FROM erasing) "
        f"BEGIN SELECT RAISE(ABORT, '{_KEPT}'); END"
    )


def _postgresql_triggers() -> None:
    op.execute(
        "CREATE OR REPLACE FUNCTION weaklabel_append_only() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        "IF TG_OP = 'DELETE' AND TG_TABLE_NAME IN ('answers', 'records') THEN "
        "IF EXISTS (SELECT 1 FROM erasing) THEN RETURN OLD; END IF; END IF; "
        f"IF TG_OP = 'UPDATE' THEN RAISE EXCEPTION '{_FIXED}'; END IF; "
        f"RAISE EXCEPTION '{_KEPT}'; END $$"
    )
    op.execute(
        "CREATE TRIGGER records_change BEFORE UPDATE OR DELETE ON records "
        "FOR EACH ROW EXECUTE FUNCTION weaklabel_append_only()"
    )
    op.execute(
        "CREATE TRIGGER records_truncate BEFORE TRUNCATE ON records "
        "FOR EACH STATEMENT EXECUTE FUNCTION weaklabel_append_only()"
    )
