"""How long an answer takes: median and quartiles, by week, guideline version, person, or with and without suggestion."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl

from weaklabel.errors import GoldError
from weaklabel.gold.asking.assigning import need_columns
from weaklabel.gold.trends.occasions import FEW

TIMES: dict[str, Any] = {
    "group": pl.String,
    "answers": pl.Int64,
    "timed": pl.Int64,
    **dict.fromkeys(("quarter", "median", "three_quarters", "low", "high"), pl.Float64),
    "few": pl.Boolean,
}
"""Seconds an answer: of `answers` the `timed` ones have a time; quartiles; `low` and `high` are the ends of the median's
interval (null: too few for one). `few`: fewer than `FEW` with a time."""

GROUPS = ("week", "guideline", "annotator", "suggested", "all")


def times(rows: pl.DataFrame, by: str, *, confidence: float = 0.95) -> pl.DataFrame:
    """Return how long answers take in each group.

    Parameters
    ----------
    rows
        Occasions: `seconds` (null: not known) and the column that groups.
    by
        One of `GROUPS`.
    confidence
        Nominal coverage of the median's interval.

    Returns
    -------
    polars.DataFrame
        Columns of `TIMES`, sorted by group.

    Examples
    --------
    >>> rows = pl.DataFrame({"annotator": ["annotator 1"] * 4, "seconds": [2.0, 4.0, 9.0, None]})
    >>> times(rows, "annotator").select("group", "answers", "timed", "median", "low").rows()
    [('annotator 1', 4, 3, 4.0, None)]
    """
    if by not in GROUPS:
        raise GoldError(f"time is not shown by {by!r}", available=GROUPS)
    need_columns(rows, ("seconds", *([] if by == "all" else [by])), "the answers")
    named = rows.with_columns(group=_group(by))
    found: list[Any] = []
    for (group,), part in named.sort("group").group_by("group", maintain_order=True):
        known = np.sort(part["seconds"].drop_nulls().to_numpy())
        quartiles = [float(v) for v in np.quantile(known, [0.25, 0.5, 0.75])] if len(known) else [None] * 3
        ends = median_ends(known, confidence=confidence)
        found.append((group, part.height, len(known), *quartiles, *ends, len(known) < FEW))
    return pl.DataFrame(found, schema=TIMES, orient="row")


def median_ends(values: np.ndarray, *, confidence: float = 0.95) -> tuple[float | None, float | None]:
    """Return the interval of a median by order statistics: it holds whatever the values' distribution is.

    Parameters
    ----------
    values
        Sorted.
    confidence
        Least coverage. Fewer values than can give it (6 for 95 %): no interval.

    Notes
    -----
    W. J. Conover, "Practical nonparametric statistics" (1999), section 3.2.

    Examples
    --------
    >>> median_ends(np.arange(1.0, 11.0)), median_ends(np.arange(5.0))
    ((2.0, 9.0), (None, None))
    """
    from scipy.stats import binom

    n = len(values)
    below = int(binom.ppf((1 - confidence) / 2, n, 0.5)) if n else 0
    if not below:
        return None, None
    return float(values[below - 1]), float(values[n - below])


def _group(by: str) -> pl.Expr:
    if by == "all":
        return pl.lit("all")
    if by == "suggested":
        shown = pl.when("suggested").then(pl.lit("with a suggestion")).otherwise(pl.lit("without"))
        return pl.when(pl.col("suggested").is_null()).then(pl.lit("unknown")).otherwise(shown)
    return pl.col(by).cast(pl.String).fill_null("unknown")
