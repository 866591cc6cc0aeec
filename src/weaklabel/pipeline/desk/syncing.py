"""What a sync with a server and one with a folder share: what is waiting to be sent, files of it, answers imported."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import polars as pl

from weaklabel.errors import WeakLabelError
from weaklabel.gold.asking.assigning import suggestions_to_show
from weaklabel.gold.tools import ToolFiles, label_studio, to_tool
from weaklabel.pipeline.desk.room import Desk

SENDS = ("drawn", "sent")
OPEN = ("drawn", "sent", "back", "checked")
ELSEWHERE = "{!r} was sent another way: name it in order to send it here too"
_PAIR = ["batch", "annotator", "item"]


@dataclass(frozen=True)
class SyncSettings:
    """How answers are matched, and what a watched folder holds.

    Parameters
    ----------
    people
        The tool's names of people, such as e-mail addresses -> annotators. Names that are not in it are kept.
    tool
        Whose files a watched folder holds. A server is Label Studio's.
    settle
        Seconds for which a file must not have changed before it is read.

    Examples
    --------
    >>> SyncSettings(people={"ann@example.org": "ann"}).tool
    'label_studio'
    """

    people: Mapping[str, str] = field(default_factory=dict)
    tool: str = label_studio.NAME
    settle: float = 2.0


@dataclass(frozen=True)
class Synced:
    """What one `sync` did.

    Parameters
    ----------
    to
        The server or folder.
    sent
        Batch -> how many items of people's lists were sent.
    new, known, corrected
        Answers that were recorded; those that were there already; how many of the new ones correct an earlier one.
    moved
        Batch -> its new state.
    notes
        What to know, in sentences.
    faults
        What went wrong. All else was done.
    whole
        Batches of which everything that people are asked is there.

    Examples
    --------
    >>> print(Synced("desk", sent={"b1": 12}, new=3).sentence)
    12 items sent, 3 new answers
    >>> Synced("desk").nothing
    True
    """

    to: str
    sent: Mapping[str, int] = field(default_factory=dict)
    new: int = 0
    known: int = 0
    corrected: int = 0
    moved: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    faults: tuple[WeakLabelError, ...] = ()
    whole: frozenset[str] = frozenset()

    @property
    def nothing(self) -> bool:
        """Whether nothing was sent, recorded or moved."""
        return not (sum(self.sent.values()) or self.new or self.moved)

    @property
    def sentence(self) -> str:
        """What was done, in words."""
        sent = sum(self.sent.values())
        said = f"{sent} item{'s' * (sent != 1)} sent, {self.new} new answer{'s' * (self.new != 1)}"
        corrected = (
            f" ({self.corrected} of them correct earlier ones; both are kept)" if self.corrected else ""
        )
        return said + corrected + (f", {self.known} known already" if self.known else "")

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain data."""
        return {
            "to": self.to,
            "sent": dict(self.sent),
            "new": self.new,
            "known": self.known,
            "corrected": self.corrected,
            "moved": dict(self.moved),
            "notes": list(self.notes),
            "faults": [str(fault) for fault in self.faults],
        }


@dataclass(frozen=True)
class Batch:
    """A batch at the time of a sync.

    Parameters
    ----------
    name, state, since
        Its id, its state, and since when it has that.
    elsewhere
        Whether it may have been sent by other means: nobody named it, and it is no longer just drawn.

    Examples
    --------
    >>> Batch("b1", "drawn", datetime(2026, 11, 21), elsewhere=False).state
    'drawn'
    """

    name: str
    state: str
    since: datetime
    elsewhere: bool


def waiting_of(desk: Desk, batch: Batch) -> pl.DataFrame:
    """Return what people are asked in a batch and have not answered since: one row a person and item, in their order.

    `asks` is how often they were asked, `number` that of the latest record. Of a batch that is back or checked it is only
    what was asked since; of one that is reviewed or released, nothing.
    """
    of = pl.col("batch") == batch.name
    asked = desk.room.ledger.records("assignment", task=desk.room.task).filter(of).sort("number")
    answers = desk.room.ledger.answers(task=desk.room.task).filter(of)
    given = answers.group_by(_PAIR).agg(answered=pl.col("recorded_at").max())
    times = asked.group_by(_PAIR).agg(asks=pl.len(), asked=pl.col("recorded_at").last())
    last = asked.unique(_PAIR, keep="last").join(times, on=_PAIR).join(given, on=_PAIR, how="left")
    waits = pl.col("answered").is_null() | (pl.col("asked") > pl.col("answered"))
    if batch.state not in SENDS:
        waits &= (pl.col("asked") > batch.since) & pl.lit(batch.state in OPEN)
    return last.filter(waits).sort("annotator", "position", "item")


def files_of(desk: Desk, batch: str, rows: pl.DataFrame, tool: str, folder: Path) -> ToolFiles:
    """Write a part of a batch for a tool. All of the batch's items are looked through, so that no placeholder is lost."""
    asked = desk.room.ledger.records("assignment", task=desk.room.task).filter(pl.col("batch") == batch)
    items = desk.outgoing(asked["item"].unique(maintain_order=True).to_list(), batch)
    shown = suggestions_to_show(rows)
    return to_tool(
        tool,
        items.filter(pl.col("id").is_in(rows["item"].to_list())),
        schema=desk.room.schema,
        folder=folder,
        fields=desk.config.gold.fields,
        batch=batch,
        guideline=desk.guideline_version(),
        assignment=rows.select("annotator", "item"),
        suggestions=shown if shown.height else None,
    )


def imported(
    desk: Desk, tool: str, path: Path, settings: SyncSettings, done: Synced, notes: Sequence[str]
) -> Synced:
    """Import a tool's file and add what came of it to what was done."""
    added, found = desk.import_answers(tool, path, people=settings.people)
    told = [f"{path.stem if tool == label_studio.NAME else path.name}: {note}" for note in found.notes]
    return replace(
        done,
        new=done.new + added.new,
        known=done.known + added.known,
        corrected=done.corrected + added.corrected,
        notes=(*done.notes, *notes, *told),
    )


def counted(done: Synced, batch: str, n: int) -> Synced:
    """Add to what was sent of a batch.

    Examples
    --------
    >>> dict(counted(counted(Synced("desk"), "b1", 2), "b1", 3).sent)
    {'b1': 5}
    """
    return replace(done, sent={**done.sent, batch: done.sent.get(batch, 0) + n}) if n else done
