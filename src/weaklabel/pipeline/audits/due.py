"""`audit due`: a small random share of new labels goes to people on a stated cadence."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl

from weaklabel.audit.cadence import Cadence, Due, due
from weaklabel.gold.auditing import audit_states
from weaklabel.pipeline.audits.audit import Asked, draw_audit, open_kept
from weaklabel.pipeline.audits.files import POPULATION, audits_folder
from weaklabel.pipeline.audits.methods import Wish
from weaklabel.pipeline.audits.rows import find_run, rows_of_file, rows_of_run
from weaklabel.pipeline.desk.room import Desk
from weaklabel.settings import AuditConfig

CHECK = "check-"
"""Names of checks begin so; their day follows."""


@dataclass(frozen=True)
class Check:
    """Whether a check of new labels is due, and what was drawn; made by `check_due`.

    Parameters
    ----------
    due
        When the next one is due.
    last
        The last check; None: there was none.
    new
        Labels that no check has been drawn from: rows that are new or have another label.
    size
        How many of them a check takes.
    open
        Whether the last check is still open.
    asked
        The check that was drawn now; None: none was.

    Examples
    --------
    >>> Check(Due(True, date(2026, 3, 8), 0), None, 1000, 20).ready
    True
    """

    due: Due
    last: str | None
    new: int
    size: int
    open: bool = False
    asked: Asked | None = None

    @property
    def ready(self) -> bool:
        """Whether a check is due and there is something to check."""
        return self.due.due and self.new > 0

    def sentences(self) -> list[str]:
        """Return what is to be said."""
        told = [self.due.sentence()]
        which = "that no check was drawn from" if self.last else "that were never checked"
        told.append(f"{self.new:,} labels {which}; a check takes {self.size:,} of them")
        if self.open:
            told.append(f"{self.last} is still open: weaklabel audit show {self.last}")
        return told

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for JSON."""
        return {
            **self.due.to_dict(),
            "last": self.last,
            "new": self.new,
            "size": self.size,
            "open": self.open,
            "ready": self.ready,
            "sentences": self.sentences(),
            "drawn": None if self.asked is None else self.asked.to_dict(),
        }


def cadence_of(settings: AuditConfig) -> Cadence:
    """Return how often and how many new labels people check.

    Examples
    --------
    >>> cadence_of(AuditConfig(check_days=1)).days
    1
    """
    return Cadence(settings.check_days, settings.check_share, settings.check_least)


def check_due(
    desk: Desk,
    *,
    draw: bool = False,
    run: str = "last",
    predictions: Path | None = None,
    every: str | None = None,
) -> Check:
    """Say whether a check of new labels is due; with `draw`, draw one that is, as an audit named after its day.

    Parameters
    ----------
    desk
        The task's gold room.
    draw
        Whether to draw.
    run, predictions, every
        Whose labels are checked; see `weaklabel.pipeline.audits.methods.Wish`.

    Raises
    ------
    GoldError
        There is no such run or file.

    Notes
    -----
    Every new label is as likely to be drawn as any other. `task.today` says which day it is, else the clock.
    """
    cadence = cadence_of(desk.config.audit)
    today = date.fromisoformat(desk.config.task.today) if desk.config.task.today else date.today()
    states = audit_states(desk.room)
    known = sorted(name for name in states if _day(name) is not None)
    last = known[-1] if known else None
    found = due(cadence, last=None if last is None else _day(last), today=today)
    if predictions is None:
        judged = rows_of_run(find_run(desk.project, desk.room.task, run))
    else:
        judged = rows_of_file(predictions, desk.project, every=every)
    checked = checked_before(desk, known)
    new = judged.rows.join(checked, on=["id", "label"], how="anti").height
    open_ = last is not None and states[last] == "open"
    check = Check(found, last, new, cadence.size(new), open_)
    if not draw or not check.ready:
        return check
    over = last is not None and predictions is not None and open_kept(desk, last).plan.every is not None
    wish = Wish(
        size=check.size,
        design="simple",
        run=run,
        predictions=predictions,
        every=every,
        after=last if over else None,
    )
    asked = draw_audit(desk, f"{CHECK}{today}", wish, but=checked)
    return Check(found, last, new, check.size, open_, asked)


def checked_before(desk: Desk, checks: list[str]) -> pl.DataFrame:
    """Return `id` and `label` of the rows that checks were drawn from."""
    places = [audits_folder(desk.project) / name / POPULATION for name in checks]
    frames = [pl.read_parquet(place, columns=["id", "label"]) for place in places if place.is_file()]
    none = pl.DataFrame(schema={"id": pl.String, "label": pl.String})
    return pl.concat([none, *frames]).unique()


def _day(name: str) -> date | None:
    """Return the day of a check; None: it is something else."""
    if not name.startswith(CHECK):
        return None
    try:
        return date.fromisoformat(name.removeprefix(CHECK))
    except ValueError:
        return None
