"""Rows of the ledger's tables as frames, and back."""

from __future__ import annotations

import datetime
import json
import secrets
from collections.abc import Iterator, Sequence
from typing import Any

import polars as pl
import sqlalchemy as sa

from weaklabel.errors import GoldError
from weaklabel.gold.ledger import bodies, records, tables
from weaklabel.gold.ledger.answers import ANSWERS, LEDGER

_CHUNK = 1000
_LISTS = ("labels", "suggestion")
_TIMES = ("at", "recorded_at")
_STORED: dict[str, Any] = {
    **LEDGER,
    **dict.fromkeys(_LISTS, pl.String),
    **dict.fromkeys(_TIMES, pl.Datetime("us")),
}


def utc(time: datetime.datetime) -> datetime.datetime:
    """Return a time as it is stored: UTC, without a zone.

    Raises
    ------
    GoldError
        It has no zone.
    """
    if time.tzinfo is None:
        raise GoldError(f"the time {time} has no zone", hint="such as datetime.now(datetime.UTC)")
    return time.astimezone(datetime.UTC).replace(tzinfo=None)


def select(connection: sa.Connection, conditions: Sequence[sa.ColumnElement[bool]]) -> pl.DataFrame:
    """Return answers with the columns of `LEDGER`, by number."""
    columns = [tables.answers.c[name] for name in _STORED]
    found = connection.execute(sa.select(*columns).where(*conditions).order_by(tables.answers.c.number))
    frame = pl.DataFrame(list(map(tuple, found)), schema=_STORED, orient="row")
    return frame.with_columns(
        *[pl.col(name).str.json_decode(pl.List(pl.String)) for name in _LISTS],
        *[pl.col(name).dt.replace_time_zone("UTC") for name in _TIMES],
    )


def known(connection: sa.Connection, keys: pl.Series, task: str) -> pl.DataFrame:
    """Return key, content, item and annotator of those answers of a task that have one of the keys."""
    table = tables.answers
    columns = [table.c.key, table.c.content, table.c.item, table.c.annotator]
    found: list[tuple[Any, ...]] = []
    for part in chunks(keys.unique(maintain_order=True).to_list()):
        query = sa.select(*columns).where(table.c.task == task, table.c.key.in_(part))
        found += map(tuple, connection.execute(query))
    return pl.DataFrame(found, schema={column.name: pl.String for column in columns}, orient="row")


def insert(connection: sa.Connection, answers: pl.DataFrame, task: str, now: datetime.datetime) -> None:
    """Write answers, which are new, with numbers that go on from the last; give new annotators a pseudonym."""
    if not answers.height:
        return
    start = last_number(connection) + 1
    stored = answers.select(*ANSWERS, "content").with_columns(
        pl.col("at").dt.convert_time_zone("UTC").dt.replace_time_zone(None),
        number=pl.int_range(start, start + answers.height, dtype=pl.Int64),
        task=pl.lit(task),
        recorded_at=pl.lit(utc(now), dtype=pl.Datetime("us")),
        **{name: pl.Series([_json(v) for v in answers[name]], dtype=pl.String) for name in _LISTS},
    )
    put(connection, tables.answers, stored.to_dicts())
    _name(connection, answers["annotator"].unique().to_list())


def select_records(
    connection: sa.Connection, kind: str, conditions: Sequence[sa.ColumnElement[bool]]
) -> pl.DataFrame:
    """Return records of a kind with the columns of `records.columns`, by number."""
    table, wanted = tables.records, records.columns(kind)
    columns = [table.c.number, table.c.task, table.c.body, table.c.recorded_at]
    query = sa.select(*columns).where(table.c.kind == kind, *conditions).order_by(table.c.number)
    stored: dict[str, Any] = {
        "number": pl.Int64,
        "task": pl.String,
        "body": pl.String,
        "recorded_at": pl.Datetime("us"),
    }
    frame = pl.DataFrame(list(map(tuple, connection.execute(query))), schema=stored, orient="row")
    found = frame.with_columns(pl.col("recorded_at").dt.replace_time_zone("UTC"))
    return pl.concat([found, bodies.from_body(kind, frame["body"])], how="horizontal").select(*wanted)


def insert_records(
    connection: sa.Connection, kind: str, checked: pl.DataFrame, task: str, now: datetime.datetime
) -> None:
    """Write records with numbers that go on from the last; give new annotators a pseudonym."""
    if not checked.height:
        return
    start = last_number(connection) + 1
    same = {"task": task, "kind": kind, "recorded_at": utc(now)}
    texts = enumerate(bodies.to_body(kind, checked), start)
    put(connection, tables.records, [{"number": n, "body": body, **same} for n, body in texts])
    named = records.named(kind, checked, "annotator")
    _name(connection, named.filter(named != records.ERASED).to_list())


def put(connection: sa.Connection, table: sa.Table, stored: list[dict[str, Any]]) -> None:
    """Insert rows; where the driver sends each row by itself, many in one statement."""
    if connection.dialect.name == "sqlite":
        connection.execute(sa.insert(table), stored)
    else:
        connection.execute(sa.insert(table).returning(table.c.number), stored)


def last_number(connection: sa.Connection) -> int:
    """Return the highest number that an answer or a record ever had, erased ones included."""
    tops = (tables.answers.c.number, tables.records.c.number, tables.tombstones.c.last_number)
    return max(connection.execute(sa.select(sa.func.max(top))).scalar() or 0 for top in tops)


def chunks(values: Sequence[Any]) -> Iterator[Sequence[Any]]:
    """Give parts that fit into one statement."""
    for start in range(0, len(values), _CHUNK):
        yield values[start : start + _CHUNK]


def _json(labels: pl.Series | None) -> str | None:
    return None if labels is None else json.dumps(labels.to_list(), ensure_ascii=False)


def _name(connection: sa.Connection, annotators: list[str]) -> None:
    """Give pseudonyms to those who have none: free numbers, at random, of twice as many as are needed."""
    table = tables.pseudonyms
    found = connection.execute(sa.select(table.c.number, table.c.annotator)).all()
    taken, named = {number for number, _ in found}, {name for _, name in found}
    new = sorted(set(annotators) - named)
    highest = 2 * max(len(found) + len(new), 10)
    free = [number for number in range(1, highest + 1) if number not in taken]
    numbers = secrets.SystemRandom().sample(free, len(new))
    if new:
        put(
            connection,
            table,
            [{"number": n, "annotator": name} for n, name in zip(numbers, new, strict=True)],
        )
