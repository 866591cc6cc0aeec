"""The tables of the gold room's database, on one `MetaData`.

A new table is added here and by one new file in `migrations/versions`, whose name becomes `VERSION`; a test holds
the two together. Times are UTC without a zone, lists are JSON text, so that both databases hold the same.
"""

from __future__ import annotations

import sqlalchemy as sa

VERSION = "0003_counter"
"""The last migration."""
VERSION_TABLE = "weaklabel_version"
LONGEST_TASK = 100
LONGEST_NAME = 500
"""Characters of keys, items, annotators and batches: what fits into an index of PostgreSQL."""

METADATA = sa.MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    }
)

answers = sa.Table(
    "answers",
    METADATA,
    sa.Column("number", sa.BigInteger, primary_key=True, autoincrement=False),
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
    sa.UniqueConstraint("task", "key", "content"),
    sa.Index(None, "task", "item"),
    sa.Index(None, "task", "annotator"),
    sa.Index(None, "task", "batch"),
)
"""Every answer ever; `content` stands for what was said, so that a corrected answer under the same key is a row."""

records = sa.Table(
    "records",
    METADATA,
    sa.Column("number", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("task", sa.Text, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("body", sa.Text, nullable=False),
    sa.Column("recorded_at", sa.DateTime, nullable=False),
    sa.Index(None, "task", "kind"),
)
"""Every decision ever, as JSON with the columns of its kind; numbered in one order with the answers."""

pseudonyms = sa.Table(
    "pseudonyms",
    METADATA,
    sa.Column("number", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("annotator", sa.Text, unique=True),
)
"""The number of every annotator; the annotator is null after an erasure, so that no number is given twice."""

tombstones = sa.Table(
    "tombstones",
    METADATA,
    sa.Column("number", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("hash", sa.Text),
    sa.Column("task", sa.Text),
    sa.Column("before", sa.DateTime),
    sa.Column("erased_at", sa.DateTime, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("counts", sa.Text, nullable=False),
    sa.Column("last_number", sa.BigInteger, nullable=False),
)
"""What was erased: an item or annotator by its hash, or all answers before a date; task null: of all tasks."""

erasing = sa.Table(
    "erasing", METADATA, sa.Column("number", sa.BigInteger, primary_key=True, autoincrement=False)
)
"""Holds a row only inside a transaction that erases: the triggers let that one delete."""

settings = sa.Table(
    "settings",
    METADATA,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("value", sa.Text, nullable=False),
)
"""`salt`: a random text that the hashes of tombstones begin with. `vacuum`: bytes of deleted rows may be left."""
