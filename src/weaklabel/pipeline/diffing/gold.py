"""What gold says of two sets of labels, and the texts of rows: what a diff reads of the task as it is now."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import polars as pl

from weaklabel.errors import WeakLabelError
from weaklabel.evaluate import accuracy_difference
from weaklabel.pipeline.diffing.side import Side
from weaklabel.pipeline.gold import open_gold
from weaklabel.pipeline.slicing import task_slices
from weaklabel.pipeline.task import Task
from weaklabel.stats import Estimate


@dataclass(frozen=True)
class Compared:
    """Accuracy of two sets of labels against the same gold rows.

    Parameters
    ----------
    difference
        Accuracy of the second minus that of the first, on the gold rows that have votes on both sides.
    slices
        The same for each slice of the task.
    gold_rows
        Gold rows that both sides have.

    Examples
    --------
    >>> Compared(Estimate(0.1, 0.0, 0.2, 50), {}, 50).to_dict()["difference"]["value"]
    0.1
    """

    difference: Estimate
    slices: Mapping[str, Estimate]
    gold_rows: int

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for JSON."""
        return {
            "difference": self.difference.to_dict(),
            "slices": {name: one.to_dict() for name, one in self.slices.items()},
            "gold_rows": self.gold_rows,
        }


def compare_with_gold(task: Task | None, before: Side, after: Side, notes: list[str]) -> Compared | None:
    """Return how accuracy differs between two sides, on gold that scores labels; None, with a note, where it can't be told."""
    if task is None:
        return None
    if before.names != task.schema.names or after.names != task.schema.names:
        notes.append("accuracy was not compared: the task's labels are others now")
        return None
    try:
        gold = open_gold(task)
        if gold is None or not gold.frame.height:
            notes.append("accuracy was not compared: the task has no gold (task.gold.path)")
            return None
        return _compared(task, gold.frame, before, after, notes)
    except WeakLabelError as error:
        notes.append(f"accuracy was not compared: {error.what}")
        return None


def _compared(task: Task, gold: pl.DataFrame, before: Side, after: Side, notes: list[str]) -> Compared | None:
    labeled = gold.drop_nulls("label")
    wanted = labeled.select("id").lazy()
    one, two = (
        side.labels.join(wanted, on="id", how="semi").collect(engine="streaming") for side in (before, after)
    )
    both = one.join(two, on="id", how="semi")["id"]
    kept = labeled.filter(pl.col("id").is_in(both.implode()))
    left = labeled.height - kept.height
    if left:
        notes.append(
            f"{left:,} of {labeled.height:,} gold rows are not on both sides and left out of accuracy"
        )
    if not kept.height:
        notes.append("accuracy was not compared: no gold row is on both sides")
        return None
    options: dict[str, Any] = {"schema": task.schema, "confidence": task.config.evaluation.confidence}
    difference = accuracy_difference(two, one, kept, **options)
    slices: dict[str, Estimate] = {}
    parts = task_slices(task.config, task.project, task.corpus, task.all_rules)
    if parts:
        try:
            slices = accuracy_difference(two, one, kept, **options, slices=parts.slices, frame=parts.frame)
        except WeakLabelError as error:
            notes.append(f"slices were not compared: {error.what}")
    return Compared(difference, slices, kept.height)


def texts_of_ids(task: Task | None, ids: pl.Series, notes: list[str]) -> dict[str, str]:
    """Return the texts of some rows of the corpus as it is now; rows that are not in it have none."""
    if task is None or not len(ids) or "text" not in task.corpus.columns:
        return {}
    try:
        rows = task.corpus.scan().select("id", "text").filter(pl.col("id").is_in(ids.implode()))
        return {
            str(id): text for id, text in rows.collect(engine="streaming").iter_rows() if text is not None
        }
    except WeakLabelError as error:
        notes.append(f"texts can't be shown: {error.what}")
        return {}
