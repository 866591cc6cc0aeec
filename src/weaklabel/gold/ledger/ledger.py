"""The ledger: every answer that anyone ever gave, in a database, append-only."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
import sqlalchemy as sa

from weaklabel.errors import GoldError, Problems
from weaklabel.gold.ledger import erasure, rows, tables
from weaklabel.gold.ledger.answers import check_answers, latest, to_votes, with_content
from weaklabel.gold.ledger.database import TIMEOUT, Database, connect
from weaklabel.gold.ledger.log import Log, erased_choice, task_name
from weaklabel.label_matrix import LabelMatrix
from weaklabel.schema import LabelSchema

_FEW = 500


@dataclass(frozen=True)
class Added:
    """What `Ledger.add` did.

    Parameters
    ----------
    new
        Answers that were written.
    known
        Answers that were there already; nothing was changed.
    corrected
        How many of the new ones stand beside an earlier answer of the same key that says something else.
    erased
        Answers left out because their item, annotator or time was erased.

    Examples
    --------
    >>> Added(new=2, known=1).new
    2
    """

    new: int
    known: int
    corrected: int = 0
    erased: int = 0


class Ledger:
    """Answers of people in a SQLite file or a PostgreSQL database; made by `Ledger.open`.

    Nothing is overwritten: a correction is a new row, and `current` tells which counts. Only `erase` and
    `retention` delete, and leave a tombstone. Many processes may read and write at once.

    Examples
    --------
    >>> import tempfile
    >>> folder = tempfile.TemporaryDirectory()
    >>> ledger = Ledger.open(f"{folder.name}/ledger.db")
    >>> said = pl.DataFrame({"item": ["a", "b"], "annotator": ["ann", "ann"], "kind": ["label", "skip"],
    ...                      "labels": [["spam"], []]})
    >>> ledger.add(said, task="mail")
    Added(new=2, known=0, corrected=0, erased=0)
    >>> ledger.add(said, task="mail").new
    0
    >>> ledger.current(task="mail").select("item", "labels").rows()
    [('a', ['spam']), ('b', [])]
    >>> folder.cleanup()
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def __repr__(self) -> str:
        return f"Ledger({self.place})"

    @classmethod
    def open(cls, place: str | Path, *, timeout: float = TIMEOUT) -> Ledger:
        """Open a ledger, made where there is none and migrated where it is of an older version.

        Parameters
        ----------
        place
            A SQLite file, or a URL: ``sqlite:////path/ledger.db``, ``postgresql://user@host:5432/name``.
        timeout
            Seconds that a writer waits for another one.

        Raises
        ------
        GoldError
            A malformed URL, a driver that is not installed, a file that is damaged or holds something else, a
            ledger of a newer version.
        OutputError
            The file can't be made or written.
        """
        return cls(connect(place, timeout=timeout))

    @property
    def place(self) -> str:
        """The path, or the URL without its password."""
        return self._database.place

    # ---- writing ----

    def add(
        self,
        answers: pl.DataFrame,
        *,
        task: str,
        now: datetime.datetime | None = None,
        erased: str = "refuse",
        place: str = "the answers",
    ) -> Added:
        """Write the answers that are not there yet, all or none of them.

        An answer is known by task, key and content (who said what, when, with which comment): adding it again
        changes nothing. A known key with other content, such as an answer that was edited in its tool, is a
        correction and becomes a row of its own.

        Parameters
        ----------
        answers
            A frame with the columns of `weaklabel.gold.ledger.answers.ANSWERS`; see `check_answers`.
        task
            The task that they belong to.
        now
            The time of recording; None: the clock's.
        erased
            What to do with answers whose item or annotator was erased, or that are older than what a retention
            kept: ``refuse`` them all with an error, ``skip`` these, or ``take`` them as if they were new.
        place
            What the frame is called in messages, such as the file it was read from.

        Raises
        ------
        Problems
            With every faulty row and column; nothing is written.
        GoldError
            Something was erased, a key belongs to another item or annotator, or the ledger can't be written.
        """
        erased_choice(erased)
        task_name(task)
        given = with_content(check_answers(answers, task=task, place=place))
        unique = given.unique(subset=["key", "content"], keep="first", maintain_order=True)
        with self._database.writing() as connection:
            kept = unique
            if erased != "take":
                kept = erasure.without_erased(connection, unique, task, place, refuse=erased == "refuse")
            known = rows.known(connection, kept["key"], task)
            _check_keys(pl.concat([known, kept.select(known.columns)]), place)
            new = kept.join(known, on=["key", "content"], how="anti", maintain_order="left")
            rows.insert(connection, new, task, now or datetime.datetime.now(datetime.UTC))
        first = new["key"].is_first_distinct() & ~new["key"].is_in(known["key"].implode())
        left_out = given.join(kept, on=["key", "content"], how="anti").height
        return Added(
            new=new.height,
            known=given.height - left_out - new.height,
            corrected=int((~first).sum()),
            erased=left_out,
        )

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
        """Write records of what people or programs decided, all or none of them; return how many.

        Where what is written depends on what is there, use `deciding`.

        Parameters
        ----------
        kind
            A key of `weaklabel.gold.ledger.records.KINDS`, which holds the columns of each kind.
        frame
            One row a record; see `weaklabel.gold.ledger.records.check_records`.
        task
            The task that they belong to.
        now
            The time of recording; None: the clock's.
        erased
            What to do with records that name an item or annotator that was erased: ``refuse`` them all with an
            error, ``skip`` these, or ``take`` them.
        place
            What the frame is called in messages.

        Raises
        ------
        Problems
            With every faulty row and column; nothing is written.
        GoldError
            No such kind, something was erased, or the ledger can't be written.

        Examples
        --------
        >>> import tempfile
        >>> folder = tempfile.TemporaryDirectory()
        >>> ledger = Ledger.open(f"{folder.name}/ledger.db")
        >>> ledger.record("audit", pl.DataFrame({"audit": ["may"], "state": ["open"]}), task="mail")
        1
        >>> ledger.records("audit").select("number", "task", "audit", "state").rows()
        [(1, 'mail', 'may', 'open')]
        >>> folder.cleanup()
        """
        with self.deciding() as log:
            return log.record(kind, frame, task=task, now=now, erased=erased, place=place)

    @contextmanager
    def deciding(self) -> Iterator[Log]:
        """Give the ledger to read and write in one step, while nobody else writes.

        What was written is kept when the block ends, and nothing of it when it raises. Within the block, the ledger's
        own methods that write would wait for its end.

        Examples
        --------
        >>> import tempfile
        >>> folder = tempfile.TemporaryDirectory()
        >>> ledger = Ledger.open(f"{folder.name}/ledger.db")
        >>> with ledger.deciding() as log:
        ...     if not log.records("audit", task="mail").height:
        ...         written = log.record("audit", pl.DataFrame({"audit": ["may"], "state": ["open"]}), task="mail")
        >>> ledger.records("audit").height
        1
        >>> folder.cleanup()
        """
        with self._database.writing() as connection:
            yield Log(connection, self.place)

    def erase(
        self,
        *,
        item: str | None = None,
        annotator: str | None = None,
        task: str | None = None,
        reason: str,
        now: datetime.datetime | None = None,
    ) -> erasure.Erased:
        """Delete all answers to an item or of an annotator, and their records, and leave a tombstone.

        A record about the item or annotator goes; in others the name is taken out, see
        `weaklabel.gold.ledger.bodies.without`. Numbers and times of what is left stay. The rows are deleted physically: SQLite overwrites their bytes and rewrites the file. PostgreSQL rewrites
        the tables; its archived logs and backups are its administrator's.

        Parameters
        ----------
        item, annotator
            One of them.
        task
            Of this task only; None: of all. An annotator is erased from all.
        reason
            Why, in words; it is kept, so it names nobody.
        now
            The date on the tombstone; None: the clock's.

        Returns
        -------
        Erased
            How many answers, items, annotators and records were affected; nothing there is no error, as the tombstone is
            wanted all the same: what it names is refused from then on.

        Examples
        --------
        >>> import tempfile
        >>> folder = tempfile.TemporaryDirectory()
        >>> ledger = Ledger.open(f"{folder.name}/ledger.db")
        >>> said = pl.DataFrame({"item": ["a"], "annotator": ["ann"], "kind": ["skip"], "labels": [[]]})
        >>> added = ledger.add(said, task="mail")
        >>> ledger.erase(item="a", reason="asked for by the sender").answers
        1
        >>> ledger.answers().height
        0
        >>> folder.cleanup()
        """
        if (item is None) == (annotator is None):
            raise GoldError("erase takes an item or an annotator", hint='erase(item="a7", reason="…")')
        if annotator is not None and task is not None:
            raise GoldError("an annotator is erased from all tasks", hint="leave out task=")
        kind, id = ("item", item) if item is not None else ("annotator", annotator)
        return erasure.erase(self._database, kind, str(id), task, _reason(reason), _naive(now))

    def edit_guidelines(self, edit: Callable[[str], str], *, task: str) -> int:
        """Write the recorded texts of a guideline again where an erasure takes something out; return how many.

        The bytes of the old texts are gone when the erasure that this belongs to is done: `erase` rewrites the file.

        Parameters
        ----------
        edit
            Gives for a text what is left of it.
        task
            Whose guideline.

        Examples
        --------
        >>> import tempfile
        >>> folder = tempfile.TemporaryDirectory()
        >>> ledger = Ledger.open(f"{folder.name}/ledger.db")
        >>> written = ledger.record("guideline", pl.DataFrame({"version": ["1-a"], "text": ["hush"]}), task="mail")
        >>> ledger.edit_guidelines(lambda text: text.replace("hush", "…"), task="mail")
        1
        >>> ledger.records("guideline")["text"].to_list()
        ['…']
        >>> folder.cleanup()
        """
        return erasure.edit_guidelines(self._database, task, edit)

    def retention(
        self, days: float, *, task: str | None = None, now: datetime.datetime | None = None
    ) -> erasure.Erased:
        """Delete answers that were given, or where that is not known recorded, more than so many days ago.

        A tombstone is left when there were any; then `add` refuses answers from before that date. Records stay.
        """
        if not days >= 0:
            raise GoldError(f"retention of {days} days", hint="0 or more")
        return erasure.retain(self._database, days, task, _naive(now))

    # ---- reading ----

    def answers(
        self,
        *,
        task: str | None = None,
        items: Iterable[str] | None = None,
        annotators: Iterable[str] | None = None,
        batch: str | None = None,
        until: datetime.datetime | None = None,
    ) -> pl.DataFrame:
        """Return every answer ever, with the columns of `weaklabel.gold.ledger.answers.LEDGER`, in order of recording.

        An answer that was edited in its tool is there as often as it changed; sums over people's work (minutes)
        go over `current`.

        Parameters
        ----------
        task, items, annotators, batch
            Only of these.
        until
            Only what was recorded up to then.
        """
        table = tables.answers
        wanted = [
            condition
            for column, value in ((table.c.task, task), (table.c.batch, batch))
            if value is not None
            for condition in (column == value,)
        ]
        if until is not None:
            wanted.append(table.c.recorded_at <= _naive(until))
        lists = [
            (name, list(dict.fromkeys(map(str, values))))
            for name, values in (("item", items), ("annotator", annotators))
            if values is not None
        ]
        wanted += [table.c[name].in_(values) for name, values in lists if len(values) <= _FEW]
        with self._database.reading() as connection:
            frame = rows.select(connection, wanted)
        for name, values in lists:
            if len(values) > _FEW:
                frame = frame.filter(pl.col(name).is_in(values))
        return frame

    def current(
        self,
        *,
        task: str | None = None,
        items: Iterable[str] | None = None,
        annotators: Iterable[str] | None = None,
        until: datetime.datetime | None = None,
    ) -> pl.DataFrame:
        """Return the latest answer of each annotator to each item, sorted by task, item and annotator.

        By the time of the answer, then by the order of recording; an answer without a time is earlier than all
        that have one. For the latest answers of one batch: ``latest(ledger.answers(batch="b7"))``.
        """
        return latest(self.answers(task=task, items=items, annotators=annotators, until=until))

    def votes(
        self,
        *,
        task: str,
        schema: LabelSchema,
        label: str | None = None,
        until: datetime.datetime | None = None,
    ) -> LabelMatrix:
        """Return the current answers of a task as votes; see `weaklabel.gold.ledger.answers.to_votes`."""
        return to_votes(self.current(task=task, until=until), schema=schema, label=label)

    def questions(self, *, task: str | None = None) -> pl.DataFrame:
        """Return the answers that came with a comment or question, in order of recording.

        An answer that was edited and kept its comment is there once, as it was first.
        """
        asked = self.answers(task=task).filter(pl.col("comment").str.strip_chars() != "")
        return asked.unique(subset=["task", "key", "comment"], keep="first", maintain_order=True)

    def records(
        self, kind: str, *, task: str | None = None, until: datetime.datetime | None = None
    ) -> pl.DataFrame:
        """Return every record of a kind, with the columns of `weaklabel.gold.ledger.records.columns`, in order of recording.

        `weaklabel.gold.ledger.records.current` tells which count.

        Parameters
        ----------
        kind
            A key of `weaklabel.gold.ledger.records.KINDS`.
        task
            Of this task only.
        until
            Only what was recorded up to then.
        """
        with self._database.reading() as connection:
            return Log(connection, self.place).records(kind, task=task, until=until)

    def tasks(self) -> list[str]:
        """Return the names of all tasks that have answers or records."""
        with self._database.reading() as connection:
            found = [
                connection.execute(sa.select(table.c.task).distinct()).scalars().all()
                for table in (tables.answers, tables.records)
            ]
        return sorted({task for tasks in found for task in tasks})

    def pseudonyms(self) -> dict[str, str]:
        """Return the name under which each annotator appears in reports, such as "annotator 7".

        The numbers are drawn at random when an annotator's first answer or record is recorded, kept in the ledger, and
        never given twice; nothing of a name or an order is in them.
        """
        with self._database.reading() as connection:
            found = connection.execute(sa.select(tables.pseudonyms)).all()
        return {name: f"annotator {number}" for number, name in sorted(found) if name is not None}

    def tombstones(self) -> pl.DataFrame:
        """Return what was erased: kind, hash, task, before, erased_at, reason, answers, items, annotators, records."""
        with self._database.reading() as connection:
            return erasure.tombstones(connection)

    def erased_on(
        self, *, item: str | None = None, annotator: str | None = None, task: str | None = None
    ) -> datetime.datetime | None:
        """Return when an item or annotator was last erased, or None."""
        kind, id = ("item", item) if item is not None else ("annotator", annotator)
        with self._database.reading() as connection:
            return erasure.erased_on(connection, kind, str(id), task)


def _check_keys(both: pl.DataFrame, place: str) -> None:
    """Complain when one key stands for answers to two items or of two annotators."""
    spread = both.group_by("key", maintain_order=True).agg(
        pl.struct("item", "annotator").unique(maintain_order=True).alias("of")
    )
    problems = [
        GoldError(
            f"the answer {key!r} is of {_of(of[0])} and of {_of(of[1])}",
            where=place,
            hint="a key is one answer's: give each server or project of a tool its own prefix, and each person one name",
        )
        for key, of in spread.filter(pl.col("of").list.len() > 1).head(_FEW).iter_rows()
    ]
    if len(problems) > 1:
        raise Problems(place, problems[:20])
    if problems:
        raise problems[0]


def _of(answer: dict[str, Any]) -> str:
    return f"{answer['annotator']!r} to item {answer['item']!r}"


def _reason(reason: str) -> str:
    if not isinstance(reason, str) or not reason.strip():
        raise GoldError("an erasure needs a reason", hint='such as reason="asked for by the person"')
    return reason


def _naive(time: datetime.datetime | None) -> datetime.datetime:
    return rows.utc(time or datetime.datetime.now(datetime.UTC))
