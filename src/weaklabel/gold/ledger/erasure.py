"""Erasing from the ledger: rows go, a tombstone stays and keeps them from coming back."""

from __future__ import annotations

import datetime
import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import polars as pl
import sqlalchemy as sa

from weaklabel.errors import GoldError, some
from weaklabel.fingerprint import fingerprint
from weaklabel.gold.ledger import bodies, records, rows, tables
from weaklabel.gold.ledger.database import Database

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
    "records": pl.Int64,
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
    records
        Records that were deleted, or in which the name was taken out.

    Examples
    --------
    >>> Erased(answers=3, items=1, annotators=2).answers
    3
    """

    answers: int
    items: int
    annotators: int
    records: int = 0


def erase(
    database: Database, kind: str, id: str, task: str | None, reason: str, now: datetime.datetime
) -> Erased:
    """Delete the answers to an item or of an annotator, and its records; see `Ledger.erase`."""
    table = tables.answers
    wanted = [table.c[kind] == id, *([table.c.task == task] if task is not None else [])]
    with database.writing() as connection:
        changes = _changes(connection, kind, id, task)
        erased = _counted(connection, wanted, len(changes))
        named = {"kind": kind, "hash": _hash(_salt(connection), kind, id), "task": task}
        _bury(connection, erased, {**named, "reason": reason, "erased_at": now})
        with _permitted(connection):
            connection.execute(sa.delete(table).where(*wanted))
            _change(connection, changes)
        if kind == "annotator":
            names = tables.pseudonyms
            connection.execute(sa.update(names).where(names.c.annotator == id).values(annotator=None))
        _due(connection)
    _vacuum(database)
    return erased


def edit_guidelines(database: Database, task: str, edit: Callable[[str], str]) -> int:
    """Write recorded texts of a guideline again, as an erasure needs it; see `Ledger.edit_guidelines`."""
    table = tables.records
    query = sa.select(table).where(table.c.kind == "guideline", table.c.task == task).order_by(table.c.number)
    with database.writing() as connection:
        changes: _Changes = []
        for row in connection.execute(query):
            body = json.loads(row.body)
            text = edit(body["text"])
            if text != body["text"]:
                changes.append((dict(row._mapping), json.dumps({**body, "text": text}, ensure_ascii=False)))
        if changes:
            with _permitted(connection):
                _change(connection, changes)
            _due(connection)
    return len(changes)


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
        erased = _counted(connection, wanted)
        if erased.answers:
            _bury(connection, erased, {**stone, "reason": f"kept for {days:g} days"})
            with _permitted(connection):
                connection.execute(sa.delete(table).where(*wanted))
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
    stones = _stones(connection, task)
    if not stones:
        return answers
    for kind in ("item", "annotator"):
        gone = _gone(connection, stones, kind, answers[kind].unique(maintain_order=True))
        if gone and refuse:
            raise _refused_names(kind, gone, place)
        answers = answers.filter(~pl.col(kind).is_in(list(gone)))
    before = [(s.before, s.erased_at) for s in stones if s.before is not None]
    if before:
        limit, date = max(before)
        old = answers["at"].dt.replace_time_zone(None) < limit
        if old.any() and refuse:
            raise _refused(f"what is from before {limit:%Y-%m-%d} ({old.sum()} answers) was", date, place)
        answers = answers.filter(~old.fill_null(False))
    return answers


def records_without_erased(
    connection: sa.Connection, kind: str, frame: pl.DataFrame, task: str, place: str, *, refuse: bool
) -> pl.DataFrame:
    """Return the records that name no item or annotator that was erased.

    Raises
    ------
    GoldError
        They are to be refused, and there are some.
    """
    stones = _stones(connection, task)
    for what, columns in records.NAMES.get(kind, {}).items() if stones else ():
        gone = _gone(connection, stones, what, records.named(kind, frame, what))
        if gone and refuse:
            raise _refused_names(what, gone, place)
        for column in columns:
            each, names = pl.col(column), list(gone)
            of_list = each.list.eval(pl.element().is_in(names)).list.any()
            named = of_list if frame[column].dtype == pl.List else each.is_in(names)
            frame = frame.filter(~named.fill_null(False))
    return frame


def tombstones(connection: sa.Connection) -> pl.DataFrame:
    """Return what was erased, in order."""
    table = tables.tombstones
    found = [
        {**row._mapping, "records": 0, **json.loads(row.counts)}
        for row in connection.execute(sa.select(table).order_by(table.c.number))
    ]
    naive = {name: pl.Datetime("us") if kind == _TIME else kind for name, kind in _TOMBSTONES.items()}
    frame = pl.DataFrame([{name: row[name] for name in naive} for row in found], schema=naive, orient="row")
    return frame.with_columns(pl.col("before", "erased_at").dt.replace_time_zone("UTC"))


def erased_on(connection: sa.Connection, kind: str, id: str, task: str | None) -> datetime.datetime | None:
    """Return when an item or annotator was last erased, or None."""
    hash = _hash(_salt(connection), kind, id)
    dates = [s.erased_at for s in _stones(connection, task) if s.kind == kind and s.hash == hash]
    return max(dates).replace(tzinfo=datetime.UTC) if dates else None


def _stones(connection: sa.Connection, task: str | None) -> list[sa.Row[tuple[Any, ...]]]:
    """Return the tombstones of all tasks, and of this one."""
    stone = tables.tombstones
    return list(connection.execute(sa.select(stone).where(stone.c.task.is_(None) | (stone.c.task == task))))


def _gone(
    connection: sa.Connection, stones: list[sa.Row[tuple[Any, ...]]], kind: str, ids: Iterable[str]
) -> dict[str, datetime.datetime]:
    """Return those items or annotators that were erased, and when."""
    dates = {stone.hash: stone.erased_at for stone in stones if stone.kind == kind}
    salt = _salt(connection) if dates else ""
    return {id: dates[h] for id in ids if (h := _hash(salt, kind, id)) in dates} if dates else {}


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


def _counted(connection: sa.Connection, conditions: list[sa.ColumnElement[bool]], records: int = 0) -> Erased:
    """Return how much will be deleted."""
    table = tables.answers
    counts = [sa.func.count(), *(sa.func.count(table.c[n].distinct()) for n in ("item", "annotator"))]
    found = connection.execute(sa.select(*counts).select_from(table).where(*conditions)).one()
    return Erased(answers=found[0], items=found[1], annotators=found[2], records=records)


def _bury(connection: sa.Connection, erased: Erased, stone: dict[str, object]) -> None:
    """Leave a tombstone."""
    stones = tables.tombstones
    number = 1 + (connection.execute(sa.select(sa.func.max(stones.c.number))).scalar() or 0)
    kept = {"number": number, "counts": json.dumps(vars(erased)), "last_number": rows.last_number(connection)}
    connection.execute(sa.insert(stones), {**stone, **kept})


@contextmanager
def _permitted(connection: sa.Connection) -> Iterator[None]:
    """Open the lock of the append-only tables within the transaction."""
    connection.execute(sa.insert(tables.erasing), {"number": 1})
    yield
    connection.execute(sa.delete(tables.erasing))


_Changes = list[tuple[dict[str, Any], str | None]]


def _changes(connection: sa.Connection, what: str, id: str, task: str | None) -> _Changes:
    """Return the records that name an item or annotator, with what is left of each."""
    table = tables.records
    query = sa.select(table).where(table.c.kind != "guideline").order_by(table.c.number)
    if task is not None:
        query = query.where(table.c.task == task)
    found = ((dict(row._mapping), row.kind, row.body) for row in connection.execute(query))
    left = ((row, body, bodies.without(kind, body, what, id)) for row, kind, body in found)
    return [(row, after) for row, before, after in left if after != before]


def _change(connection: sa.Connection, changes: _Changes) -> None:
    """Delete records, and write again, under their numbers, those of which something is left."""
    table = tables.records
    for part in rows.chunks([row["number"] for row, _ in changes]):
        connection.execute(sa.delete(table).where(table.c.number.in_(part)))
    left = [{**row, "body": body} for row, body in changes if body is not None]
    if left:
        rows.put(connection, table, left)


def _refused_names(kind: str, gone: dict[str, datetime.datetime], place: str) -> GoldError:
    verb = "was" if len(gone) == 1 else "were"
    return _refused(f"{kind} {some(list(gone))} {verb}", next(iter(gone.values())), place)


def _refused(what: str, date: datetime.datetime, place: str) -> GoldError:
    return GoldError(
        f"{what} erased on {date:%Y-%m-%d}",
        where=place,
        hint='take these out, or say erased="skip" to leave them out, or erased="take" to have them again',
    )
