"""The people who are asked: who is active, and how much work goes to whom."""

from __future__ import annotations

import math
from collections.abc import Sequence

import polars as pl

from weaklabel.errors import GoldError, some
from weaklabel.gold.asking.assigning import need_columns

_PRIOR = 30


def active(annotators: pl.DataFrame) -> tuple[list[str], list[float]]:
    """Return the names, sorted, and weights of the people who are active.

    Examples
    --------
    >>> active(pl.DataFrame({"annotator": ["bob", "ann", "cid"], "active": [True, None, False]}))
    (['ann', 'bob'], [1.0, 1.0])
    """
    need_columns(annotators, ("annotator",), "the annotators")
    names = annotators["annotator"]
    if names.null_count():
        raise GoldError(f"{names.null_count()} of {names.len()} annotators have no name")
    if names.is_duplicated().any():
        raise GoldError(f"an annotator stands twice: {some(names.filter(names.is_duplicated()).unique())}")
    weight = (
        pl.col("weight").cast(pl.Float64).fill_null(1.0) if "weight" in annotators.columns else pl.lit(1.0)
    )
    on = pl.col("active").fill_null(True) if "active" in annotators.columns else pl.lit(True)
    rows = annotators.filter(on).select("annotator", weight=weight).sort("annotator")
    return rows["annotator"].to_list(), rows["weight"].to_list()


def skill_weights(checks: pl.DataFrame, people: Sequence[str], *, spread: float = 2.0) -> dict[str, float]:
    """Return weights that give more work to people who answer hidden checks well.

    Parameters
    ----------
    checks
        Answers to hidden checks, with `annotator` and `right` (null: no answer).
    people
        Names.
    spread
        Largest weight; the smallest is 1 / spread.

    Returns
    -------
    dict
        A weight for each name, 1 for those without checks.

    Notes
    -----
    A person's log-odds of being right, the share shrunk to that of all people with the weight of 30 checks, over the
    mean log-odds, held between 1 / spread and spread. Log-odds are what an independent vote is worth.

    Examples
    --------
    >>> checks = pl.DataFrame({"annotator": ["ann"] * 20 + ["bob"] * 20, "right": [True] * 35 + [False] * 5})
    >>> skill_weights(checks, ["ann", "bob", "cid"])
    {'ann': 1.231, 'bob': 0.769, 'cid': 1.0}
    """
    need_columns(checks, ("annotator", "right"), "the checks")
    if spread < 1:
        raise GoldError(f"spread is 1 or more, not {spread}")
    known = checks.drop_nulls("right").filter(pl.col("annotator").is_in(list(people)))
    if not known.height:
        return dict.fromkeys(people, 1.0)
    share = (int(known["right"].sum()) + 1) / (known.height + 2)
    counts = {name: (right, n) for name, right, n in known.group_by("annotator").agg(
        pl.col("right").sum().alias("right"), pl.len().alias("n")).iter_rows()}  # fmt: skip
    odds = {}
    for name, (right, n) in counts.items():
        p = (right + _PRIOR * share) / (n + _PRIOR)
        odds[name] = max(math.log(p / (1 - p)), 0.0)
    mean = math.fsum(odds.values()) / len(odds)
    if mean == 0:
        return dict.fromkeys(people, 1.0)
    return {
        name: round(min(max(odds[name] / mean, 1 / spread), spread), 3) if name in odds else 1.0
        for name in people
    }
