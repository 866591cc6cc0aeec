"""The ledger of answers: append-only, with tombstones and pseudonyms."""

import secrets

import sqlalchemy as sa
from alembic import op

revision = "0001_answers"
down_revision = None

_FIXED = "the ledger is append-only: a correction is a new row"
_KEPT = "the ledger is append-only: only an erasure deletes"


def upgrade() -> None:
    """Make the tables, the ledger's salt, and the triggers that refuse changes."""
    op.create_table(
        "answers",
        sa.Column("number", sa.BigInteger, nullable=False, autoincrement=False),
        sa.Column("task", sa.Text, nullable=False),
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("item", sa.Text, nullable=False),
        sa.Column("annotator", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("labels", sa.Text, nullable=False),
        sa.Column("at", sa.DateTime),
        sa.Column("seconds", sa.Double),
        sa.Column("guideline", sa.Text),
        sa.Column("batch", sa.Text),
        sa.Column("tool", sa.Text),
        sa.Column("suggested", sa.Boolean),
        sa.Column("suggestion", sa.Text),
        sa.Column("comment", sa.Text),
        sa.Column("content", sa.Text, nullable=False),
        sa.Column("recorded_at", sa.DateTime, nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_answers"),
        sa.UniqueConstraint("task", "key", "content", name="uq_answers_task_key_content"),
    )
    for column in ("item", "annotator", "batch"):
        op.create_index(f"ix_answers_task_{column}", "answers", ["task", column])
    op.create_table(
        "pseudonyms",
        sa.Column("number", sa.BigInteger, nullable=False, autoincrement=False),
        sa.Column("annotator", sa.Text),
        sa.PrimaryKeyConstraint("number", name="pk_pseudonyms"),
        sa.UniqueConstraint("annotator", name="uq_pseudonyms_annotator"),
    )
    op.create_table(
        "tombstones",
        sa.Column("number", sa.BigInteger, nullable=False, autoincrement=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("hash", sa.Text),
        sa.Column("task", sa.Text),
        sa.Column("before", sa.DateTime),
        sa.Column("erased_at", sa.DateTime, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("counts", sa.Text, nullable=False),
        sa.Column("last_number", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_tombstones"),
    )
    op.create_table(
        "erasing",
        sa.Column("number", sa.BigInteger, nullable=False, autoincrement=False),
        sa.PrimaryKeyConstraint("number", name="pk_erasing"),
    )
    settings = op.create_table(
        "settings",
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("value", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_settings"),
    )
    op.bulk_insert(settings, [{"name": "salt", "value": secrets.token_hex(16)}])
    if op.get_bind().dialect.name == "sqlite":
        _sqlite_triggers()
    else:
        _postgresql_triggers()


def _sqlite_triggers() -> None:
    for table in ("answers", "tombstones"):
        op.execute(
            f"CREATE TRIGGER {table}_update BEFORE UPDATE ON {table} "
            f"BEGIN SELECT RAISE(ABORT, '{_FIXED}'); END"
        )
        when = "WHEN NOT EXISTS (SELECT 1 FROM erasing) " if table == "answers" else ""
        op.execute(
            f"CREATE TRIGGER {table}_delete BEFORE DELETE ON {table} {when}"
            f"BEGIN SELECT RAISE(ABORT, '{_KEPT}'); END"
        )


def _postgresql_triggers() -> None:
    op.execute(
        "CREATE FUNCTION weaklabel_append_only() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        "IF TG_OP = 'DELETE' AND TG_TABLE_NAME = 'answers' THEN "
        "IF EXISTS (SELECT 1 FROM erasing) THEN RETURN OLD; END IF; END IF; "
        f"IF TG_OP = 'UPDATE' THEN RAISE EXCEPTION '{_FIXED}'; END IF; "
        f"RAISE EXCEPTION '{_KEPT}'; END $$"
    )
    for table in ("answers", "tombstones"):
        op.execute(
            f"CREATE TRIGGER {table}_change BEFORE UPDATE OR DELETE ON {table} "
            "FOR EACH ROW EXECUTE FUNCTION weaklabel_append_only()"
        )
        op.execute(
            f"CREATE TRIGGER {table}_truncate BEFORE TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION weaklabel_append_only()"
        )
