"""What answers say of an item, and items that wait for an expert."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import polars as pl

from weaklabel.gold.asking.assigning import need_columns
from weaklabel.gold.ledger.records import KINDS


def votes_of(answers: pl.DataFrame) -> pl.DataFrame:
    """Return the answers that name an outcome, with a column `outcome`: the sorted labels, empty for none of these.

    Examples
    --------
    >>> answers = pl.DataFrame({"item": ["a", "b", "c"], "annotator": "ann", "kind": ["label", "none", "skip"],
    ...                         "labels": [["y", "x"], [], []]})
    >>> votes_of(answers).select("item", "outcome").rows()
    [('a', ['x', 'y']), ('b', [])]
    """
    need_columns(answers, ("item", "annotator", "kind", "labels"), "the answers")
    rows = answers.filter(pl.col("kind").is_in(["label", "none"]))
    return rows.with_columns(pl.col("labels").cast(pl.List(pl.String)).list.sort().alias("outcome"))


def queued(
    items: Sequence[str], *, batch: str | None, why: str | Sequence[str], state: str = "open"
) -> pl.DataFrame:
    """Return records of the experts' queue.

    Examples
    --------
    >>> queued(["a"], batch="b1", why="a tie").rows()
    [('a', 'b1', 'a tie', 'open')]
    """
    reasons = [why] * len(items) if isinstance(why, str) else list(why)
    rows: list[Any] = [(item, batch, reason, state) for item, reason in zip(items, reasons, strict=True)]
    return pl.DataFrame(rows, schema=KINDS["queue"], orient="row")
