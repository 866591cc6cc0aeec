"""The score lane: numbers to votes, by bins."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import polars as pl

from weaklabel.apply.batch import Batch, Votes
from weaklabel.errors import RuleError
from weaklabel.lf.score import Score
from weaklabel.schema import LabelSchema


@dataclass(frozen=True)
class ScoreLane:
    """Score rules."""

    rules: tuple[Score, ...]
    schema: LabelSchema

    def run(self, batch: Batch) -> Votes:
        """Return the votes of every rule of the lane."""
        return {rule.id: rule.votes(_numbers(batch.frame, rule), self.schema) for rule in self.rules}


def compile_scores(rules: Iterable[Score], schema: LabelSchema) -> ScoreLane:
    """Compile score rules into one lane."""
    return ScoreLane(tuple(rules), schema)


def _numbers(frame: pl.DataFrame, rule: Score) -> pl.Series:
    column = frame.get_column(rule.field)
    if not (column.dtype.is_numeric() or column.dtype == pl.Null):
        raise RuleError(
            f"column {rule.field!r} holds {column.dtype}, not numbers",
            where=rule.where,
            hint="a score rule reads a column of numbers",
        )
    return column.cast(pl.Float64).fill_null(float("nan"))
