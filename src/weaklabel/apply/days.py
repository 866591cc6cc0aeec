"""Rules that are right for some days only: on rows of other days their vote is missing."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date

import numpy as np
import polars as pl

from weaklabel.apply.batch import Batch, Lane, Votes
from weaklabel.errors import CorpusError
from weaklabel.lf.base import LabelingFunction
from weaklabel.schema import MISSING


@dataclass(frozen=True)
class Days:
    """On which day each row is.

    Parameters
    ----------
    column
        The column that says it: dates, times, or text that begins with a date such as 2026-03-31. A row where it is null
        is on no day. None: all rows are on `today`.
    today
        The day of the run.
    """

    column: str | None
    today: date

    def of(self, frame: pl.DataFrame) -> pl.Series:
        """Return the day of each row.

        Raises
        ------
        CorpusError
            The column holds no days.
        """
        if self.column is None:
            return pl.Series([self.today], dtype=pl.Date).new_from_index(0, frame.height)
        values = frame.get_column(self.column)
        if values.dtype == pl.String:
            days = values.str.strip_chars().str.slice(0, 10).str.to_date("%Y-%m-%d", strict=False)
        elif values.dtype in (pl.Date, pl.Datetime, pl.Null):
            days = values.cast(pl.Date)
        else:
            raise CorpusError(f"the column {self.column!r} holds {values.dtype}, not days")
        broken = (days.is_null() & values.is_not_null()).arg_true()
        if len(broken):
            raise CorpusError(
                f"the column {self.column!r} holds {values[broken[0]]!r}, which is no day",
                hint="days are written 2026-03-31",
            )
        return days

    def include(self, rule: LabelingFunction, frame: pl.DataFrame) -> np.ndarray:
        """Return on which rows a rule votes: those of the days that it is right for."""
        return self.within([rule], frame)[rule.id]

    def within(self, rules: Iterable[LabelingFunction], frame: pl.DataFrame) -> dict[str, np.ndarray]:
        """Return on which rows rules vote, for those that have days, by their ids."""
        spans = {r.id: (r.valid_from or date.min, r.valid_until or date.max) for r in rules if r.dated}
        days = self.of(frame) if spans else pl.Series([], dtype=pl.Date)
        found = {
            (first, last): days.is_between(first, last).fill_null(False).to_numpy()
            for first, last in set(spans.values())
        }
        return {id: found[span] for id, span in spans.items()}


@dataclass(frozen=True)
class DatedLane:
    """One rule that is right for some days only, in the lane of its kind."""

    rule: LabelingFunction
    lane: Lane
    days: Days

    def run(self, batch: Batch) -> Votes:
        """Return its votes; missing on rows of other days, which it is not shown."""
        inside = self.days.include(self.rule, batch.frame)
        votes = np.full(batch.frame.height, MISSING, np.int8)
        if inside.any():
            keep = pl.Series(inside)
            part = replace(batch, frame=batch.frame.filter(keep), ids=batch.ids.filter(keep))
            votes[inside] = self.lane.run(part)[self.rule.id]
        return {self.rule.id: votes}


def date_columns(rules: Iterable[LabelingFunction], days: Days | None) -> tuple[str, ...]:
    """Return the columns that must be read to tell the rows' days."""
    needed = days is not None and days.column is not None and any(rule.dated for rule in rules)
    return (days.column,) if needed and days is not None and days.column is not None else ()
