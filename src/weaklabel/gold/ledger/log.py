"""The ledger within one transaction: records are read and written in one step."""

from __future__ import annotations

import datetime

import polars as pl
import sqlalchemy as sa

from weaklabel.errors import GoldError
from weaklabel.gold.ledger import erasure, records, rows, tables
from weaklabel.gold.ledger.answers import latest

ERASED = ("refuse", "skip", "take")
"""What to do with answers and records of what was erased."""


class Log:
    """What `Ledger.deciding` gives: the ledger while nobody else writes.

    Examples
    --------
    >>> import tempfile
    >>> from weaklabel.gold import Ledger
    >>> folder = tempfile.TemporaryDirectory()
    >>> with Ledger.open(f"{folder.name}/ledger.db").deciding() as log:
    ...     written = log.record("audit", pl.DataFrame({"audit": ["may"], "state": ["open"]}), task="mail")
    ...     log.records("audit", task="mail")["state"].to_list()
    ['open']
    >>> folder.cleanup()
    """

    def __init__(self, connection: sa.Connection, place: str) -> None:
        self._connection, self._place = connection, place

    def __repr__(self) -> str:
        return f"Log({self._place})"

    def record(
        self,
        kind: str,
        frame: pl.DataFrame,
        *,
        task: str,
        now: datetime.datetime | None = None,
        erased: str = "refuse",
        place: str | None = None,
    ) -> int:
        """Write records; see `Ledger.record`."""
        erased_choice(erased)
        task_name(task)
        place = place or f"the {kind} records"
        checked = records.check_records(kind, frame, task=task, place=place)
        if erased != "take":
            checked = erasure.records_without_erased(
                self._connection, kind, checked, task, place, refuse=erased == "refuse"
            )
        time = now or datetime.datetime.now(datetime.UTC)
        rows.insert_records(self._connection, kind, checked, task, time)
        return checked.height

    def records(
        self, kind: str, *, task: str | None = None, until: datetime.datetime | None = None
    ) -> pl.DataFrame:
        """Return every record of a kind; see `Ledger.records`."""
        records.columns(kind)
        table = tables.records
        wanted = [table.c.task == task] if task is not None else []
        wanted += [table.c.recorded_at <= rows.utc(until)] if until is not None else []
        return rows.select_records(self._connection, kind, wanted)

    def answers(self, *, task: str) -> pl.DataFrame:
        """Return every answer of a task; see `Ledger.answers`."""
        return rows.select(self._connection, [tables.answers.c.task == task])

    def current(self, *, task: str) -> pl.DataFrame:
        """Return the answers of a task that count; see `Ledger.current`."""
        return latest(self.answers(task=task))


def erased_choice(erased: str) -> None:
    """Complain of what is no choice for `erased`."""
    if erased not in ERASED:
        raise GoldError(f"erased={erased!r} is no choice", available=ERASED)


def task_name(task: str) -> None:
    """Complain of what is no name of a task."""
    if not isinstance(task, str) or not task or len(task) > tables.LONGEST_TASK or "\0" in task:
        raise GoldError(
            f"{task!r} is no name of a task", hint=f"text of 1 to {tables.LONGEST_TASK} characters"
        )
