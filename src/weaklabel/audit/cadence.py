"""A small random share of new labels goes to people on a stated cadence: when it is due, and which rows."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import polars as pl

from weaklabel.errors import GoldError
from weaklabel.gold.sampling import Draw, draw


@dataclass(frozen=True)
class Cadence:
    """How often and how many new labels people check.

    Parameters
    ----------
    days
        Days from one check to the next.
    share
        Share of the new rows that is drawn.
    least
        Fewest rows of a check, or all if there are fewer.

    Examples
    --------
    >>> Cadence(days=7, share=0.01).size(10_000), Cadence(least=20).size(5)
    (100, 5)
    """

    days: int = 7
    share: float = 0.01
    least: int = 20

    def __post_init__(self) -> None:
        if self.days < 1 or self.least < 1:
            raise GoldError(
                f"a cadence has at least 1 day and 1 row, not {self.days} and {self.least}",
                hint="name the days from one check to the next and the fewest rows of a check",
            )
        if not 0 < self.share <= 1:
            raise GoldError(f"the share of new rows to check is above 0 and at most 1, not {self.share}")

    def size(self, rows: int) -> int:
        """Return how many of so many new rows are drawn."""
        return min(rows, max(self.least, math.ceil(self.share * rows - 1e-9)))


@dataclass(frozen=True)
class Due:
    """Whether a check is due; made by `due`.

    Examples
    --------
    >>> Due(False, date(2026, 3, 8), 3).sentence()
    'the next check of new labels is due on 2026-03-08, in 3 days'
    """

    due: bool
    on: date
    days: int

    def sentence(self) -> str:
        """Return it for people."""
        count = f"{abs(self.days)} day{'s' * (abs(self.days) != 1)}"
        if not self.due:
            return f"the next check of new labels is due on {self.on}, in {count}"
        late = f", {count} ago" if self.days else ", today"
        return f"a check of new labels was due on {self.on}{late}"

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for JSON."""
        return {"due": self.due, "on": str(self.on), "days": self.days, "sentence": self.sentence()}


def due(cadence: Cadence, *, last: date | None, today: date) -> Due:
    """Say whether a check is due; without a last one it is due today.

    Examples
    --------
    >>> due(Cadence(days=7), last=date(2026, 3, 1), today=date(2026, 3, 10)).sentence()
    'a check of new labels was due on 2026-03-08, 2 days ago'
    """
    on = today if last is None else last + timedelta(days=cadence.days)
    return Due(on <= today, on, (on - today).days)


def draw_for_gold(new: pl.DataFrame, cadence: Cadence, *, window: str, seed: int) -> Draw:
    """Draw the rows of a window that go to people: every row equally likely, with its probability kept.

    Parameters
    ----------
    new
        Rows labeled since the last check, with a String column `id`.
    cadence
        How many.
    window
        Name of the window, such as its first day: draws of different windows are independent of each other.
    seed
        Seed of the draw.

    Examples
    --------
    >>> rows = pl.DataFrame({"id": [str(i) for i in range(1000)]})
    >>> drawn = draw_for_gold(rows, Cadence(share=0.05), window="2026-03-01", seed=1)
    >>> len(drawn), drawn.frame["inclusion"].unique().to_list()
    (50, [0.05])
    """
    if not new.height:
        raise GoldError("there are no new labels to check", where=f"window {window!r}")
    return draw(new, cadence.size(new.height), purpose=f"audit of new labels, {window}", seed=seed)
