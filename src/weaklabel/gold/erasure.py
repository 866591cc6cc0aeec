"""Erasing from the ledger: rows go, a tombstone stays and keeps them from coming back."""

from __future__ import annotations

import datetime
import json
from dataclasses import dataclass
from typing import Any

import polars as pl
import sqlalchemy as sa

from weaklabel.errors import GoldError, some
from weaklabel.fingerprint import fingerprint
from weaklabel.gold import rows, tables
from weaklabel.gold.database import Database

_TIME = pl.Datetime("us", "UTC")
_TOMBSTONES: dict[str, Any] = {
    "kind": pl.String,
    "hash": pl.String,
    "task": pl.String,
    "before": _TIME,
    "erased_at": _TIME,
    "reason": pl.String,
    "answers": pl.Int64,
    "items": pl.Int64,
    "annotators": pl.Int64,
}


@dataclass(frozen=True)
class Erased:
    """What an erasure deleted.

    Parameters
    ----------
    answers
        Answers deleted.
    items, annotators
        How many items, and how many annotators, these were of.

    Examples
    --------
    >>> Erased(answers=3, items=1, annotators=2).answers
    3
    """

    answers: int
    items: int
    annotators: int


def erase(
    database: Database, kind: str, id: str, task: str | None, reason: str, now: datetime.datetime
) -> Erased:
    """Delete the answers to an item or of an annotator; see `Ledger.erase`."""
    table = tables.answers
    wanted = [table.c[kind] == id, *([table.c.task == task] if task is not None else [])]
    with database.writing() as connection:
        named = {"kind": kind, "hash": _hash(_salt(connection), kind, id), "task": task}
        erased = _delete(connection, wanted, {**named, "reason": reason, "erased_at": now}, always=True)
        if kind == "annotator":
            names = tables.pseudonyms
            connection.execute(sa.update(names).where(names.c.annotator == id).values(annotator=None))
        _due(connection)
    _vacuum(database)
    return erased


def retain(database: Database, days: float, task: str | None, now: datetime.datetime) -> Erased:
    """Delete answers that are older than so many days; see `Ledger.retention`."""
    table = tables.answers
    try:
        before = now - datetime.timedelta(days=days)
    except OverflowError:
        return Erased(0, 0, 0)
    wanted = [sa.func.coalesce(table.c.at, table.c.recorded_at) < before]
    wanted += [table.c.task == task] if task is not None else []
    stone = {"kind": "retention", "task": task, "before": before, "erased_at": now}
    with database.writing() as connection:
        erased = _delete(connection, wanted, {**stone, "reason": f"kept for {days:g} days"}, always=False)
        if erased.answers:
            _due(connection)
        due = connection.execute(_DUE).first() is not None
    if due:
        _vacuum(database)
    return erased


def without_erased(
    connection: sa.Connection, answers: pl.DataFrame, task: str, place: str, *, refuse: bool
) -> pl.DataFrame:
    """Return the answers of which nothing was erased.

    Raises
    ------
    GoldError
        They are to be refused, and there are some.
    """
    stones = [s for s in _stones(connection) if s.task is None or s.task == task]
    if not stones:
        return answers
    salt = _salt(connection)
    for kind in ("item", "annotator"):
        dates = {s.hash: s.erased_at for s in stones if s.kind == kind}
        if dates:
            ids = answers[kind].unique(maintain_order=True)
            gone = {id: dates[h] for id in ids if (h := _hash(salt, kind, id)) in dates}
            if gone and refuse:
                verb = "was" if len(gone) == 1 else "were"
                raise _refused(f"{kind} {some(list(gone))} {verb}", next(iter(gone.values())), place)
            answers = answers.filter(~pl.col(kind).is_in(list(gone)))
    before = [(s.before, s.erased_at) for s in stones if s.before is not None]
    if before:
        limit, date = max(before)
        old = answers["at"].dt.replace_time_zone(None) < limit
        if old.any() and refuse:
            raise _refused(f"what is from before {limit:%Y-%m-%d} ({old.sum()} answers) was", date, place)
        answers = answers.filter(~old.fill_null(False))
    return answers


def tombstones(connection: sa.Connection) -> pl.DataFrame:
    """Return what was erased, in order."""
    table = tables.tombstones
    found = [
        {**row._mapping, **json.loads(row.counts)}
        for row in connection.execute(sa.select(table).order_by(table.c.number))
    ]
    naive = {name: pl.Datetime("us") if kind == _TIME else kind for name, kind in _TOMBSTONES.items()}
    frame = pl.DataFrame([{name: row[name] for name in naive} for row in found], schema=naive, orient="row")
    return frame.with_columns(pl.col("before", "erased_at").dt.replace_time_zone("UTC"))


def erased_on(connection: sa.Connection, kind: str, id: str, task: str | None) -> datetime.datetime | None:
    """Return when an item or annotator was last erased, or None."""
    hash = _hash(_salt(connection), kind, id)
    dates = [
        s.erased_at
        for s in _stones(connection)
        if s.kind == kind and s.hash == hash and (s.task is None or s.task == task)
    ]
    return max(dates).replace(tzinfo=datetime.UTC) if dates else None


def _stones(connection: sa.Connection) -> list[sa.Row[tuple[object, ...]]]:
    return list(connection.execute(sa.select(tables.tombstones)))


_DUE = sa.select(tables.settings.c.value).where(tables.settings.c.name == "vacuum")


def _due(connection: sa.Connection) -> None:
    """Remember that bytes of deleted rows are still there, in case this process does not get further."""
    if connection.execute(_DUE).first() is None:
        connection.execute(sa.insert(tables.settings), {"name": "vacuum", "value": "due"})


def _vacuum(database: Database) -> None:
    database.vacuum()
    with database.writing() as connection:
        connection.execute(sa.delete(tables.settings).where(tables.settings.c.name == "vacuum"))


def _salt(connection: sa.Connection) -> str:
    """Return the text that makes hashes differ between ledgers."""
    setting = tables.settings
    return str(connection.execute(sa.select(setting.c.value).where(setting.c.name == "salt")).scalar_one())


def _hash(salt: str, kind: str, id: str) -> str:
    """Return what stands for an id on a tombstone."""
    return fingerprint([salt, kind, id])


def _delete(
    connection: sa.Connection,
    conditions: list[sa.ColumnElement[bool]],
    stone: dict[str, object],
    *,
    always: bool,
) -> Erased:
    """Delete answers and leave the tombstone: always, or only when there were any."""
    table, stones, permit = tables.answers, tables.tombstones, tables.erasing
    counts = [sa.func.count(), *(sa.func.count(table.c[n].distinct()) for n in ("item", "annotator"))]
    found = connection.execute(sa.select(*counts).select_from(table).where(*conditions)).one()
    erased = Erased(answers=found[0], items=found[1], annotators=found[2])
    if not always and not erased.answers:
        return erased
    number = 1 + (connection.execute(sa.select(sa.func.max(stones.c.number))).scalar() or 0)
    row = {
        **stone,
        "number": number,
        "counts": json.dumps(vars(erased)),
        "last_number": rows.last_number(connection),
    }
    connection.execute(sa.insert(stones), row)
    connection.execute(sa.insert(permit), {"number": 1})
    connection.execute(sa.delete(table).where(*conditions))
    connection.execute(sa.delete(permit))
    return erased


def _refused(what: str, date: datetime.datetime, place: str) -> GoldError:
    return GoldError(
        f"{what} erased on {date:%Y-%m-%d}",
        where=place,
        hint='take these out, or say erased="skip" to leave them out, or erased="take" to have them again',
    )
