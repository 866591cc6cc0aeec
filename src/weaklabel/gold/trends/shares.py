"""Who labels: people by hand, people who accept a suggestion, or rules; and how their shares have moved."""

from __future__ import annotations

import datetime
from typing import Any

import polars as pl

from weaklabel.gold.asking.assigning import need_columns

HOWS = ("hand", "suggestion", "unknown")
"""How people made a label: by hand, by accepting the suggestion that they were shown, or it is not known."""

MADE: dict[str, Any] = {"item": pl.String, "how": pl.String, "week": pl.Date, "gold": pl.Boolean}
"""Items that people have labeled: how (see `HOWS`), in which week, and whether they are gold."""

MOVED: dict[str, Any] = {
    "week": pl.Date,
    **dict.fromkeys((*HOWS, "rule", "total"), pl.Int64),
    **{f"{way}_share": pl.Float64 for way in (*HOWS, "rule")},
}
"""Items that have a label at the end of a week, by who gave it, and shares of all that have one. They are counts of
everything there is, not samples: there is no interval."""

SETTLED: dict[str, Any] = {"item": pl.String, "batch": pl.String, "label": pl.String}
"""Items that answers have settled; a null label: none of the labels."""

RUNS: dict[str, Any] = {"run": pl.String, "at": pl.Datetime("us", "UTC"), "labeled": pl.Int64}
"""Runs of the rules: when, and how many rows got a label."""


def made_by_people(
    rows: pl.DataFrame, settled: pl.DataFrame, gold: pl.DataFrame | None = None
) -> pl.DataFrame:
    """Return the items that people have labeled, and how.

    Of the answers that count and name the settled label, most came with that suggestion: the item is labeled by
    suggestion. Where for most it is not known whether there was one, so it is for the item. All others, and all gold,
    are labeled by hand.

    Parameters
    ----------
    rows
        Occasions.
    settled
        Columns of `SETTLED`.
    gold
        `item` and `at` (when it first became gold, in UTC); None: there is none.

    Returns
    -------
    polars.DataFrame
        Columns of `MADE`, one row an item, sorted by item.

    Examples
    --------
    >>> from weaklabel.gold.trends.occasions import OCCASIONS
    >>> one = {"item": "a", "batch": "b1", "kind": "label", "labels": ["ham"], "aside": False}
    >>> rows = pl.DataFrame([one | {"annotator": "1", "suggested": True, "suggestion": ["ham"]},
    ...                      one | {"annotator": "2", "suggested": True, "suggestion": ["ham"]},
    ...                      one | {"annotator": "3", "suggested": False}], schema=OCCASIONS)
    >>> settled = pl.DataFrame({"item": ["a"], "batch": ["b1"], "label": ["ham"]})
    >>> made_by_people(rows, settled).select("item", "how").rows()
    [('a', 'suggestion')]
    """
    need_columns(settled, SETTLED, "what is settled")
    named = (
        pl.when(pl.col("label").is_null())
        .then(pl.lit([], dtype=pl.List(pl.String)))
        .otherwise(pl.concat_list("label"))
    )
    wanted = settled.select("item", "batch", final=named)
    there = rows.filter(~pl.col("aside") & pl.col("kind").is_in(["label", "none"]))
    agreeing = there.join(wanted, on=["item", "batch"], how="inner", nulls_equal=True).filter(
        pl.col("labels").list.sort() == pl.col("final").list.sort()
    )
    shown = (
        pl.col("suggested")
        & (pl.col("suggestion").list.sort() == pl.col("final").list.sort()).fill_null(False)
    ).fill_null(False)
    per = agreeing.group_by("item", "batch").agg(
        n=pl.len(), accepted=shown.sum(), dark=pl.col("suggested").is_null().sum(), week=pl.col("week").max()
    )
    how = (
        pl.when(pl.col("accepted") * 2 > pl.col("n"))
        .then(pl.lit("suggestion"))
        .when(pl.col("dark") * 2 > pl.col("n"))
        .then(pl.lit("unknown"))
        .otherwise(pl.lit("hand"))
    )
    first = per.with_columns(how=how, gold=pl.lit(False)).sort("item", "week", "batch", nulls_last=True)
    both = [_gold_rows(gold), first.select(MADE.keys())]
    every = pl.concat([frame.cast(pl.Schema(MADE)) for frame in both])
    return every.unique(subset="item", keep="first", maintain_order=True).sort("item")


def moved(made: pl.DataFrame, runs: pl.DataFrame, both: pl.DataFrame) -> pl.DataFrame:
    """Return how many items have a label at the end of each week in which something changed, by who gave it.

    What people have labeled is theirs from then on; a rule's are the other rows that the latest run up to then has
    labeled.

    Parameters
    ----------
    made
        Columns of `MADE`.
    runs
        Columns of `RUNS`.
    both
        `run` and `item`: items of `made` that a run has labeled, too.

    Returns
    -------
    polars.DataFrame
        Columns of `MOVED`, sorted by week.

    Examples
    --------
    >>> day = datetime.datetime(2026, 3, 4, tzinfo=datetime.UTC)
    >>> made = pl.DataFrame([("a", "hand", datetime.date(2026, 3, 2), True)], schema=MADE, orient="row")
    >>> runs = pl.DataFrame([("r1", day, 10)], schema=RUNS, orient="row")
    >>> moved(made, runs, pl.DataFrame({"run": ["r1"], "item": ["a"]})).select("hand", "rule", "rule_share").rows()
    [(1, 9, 0.9)]
    """
    need_columns(made, MADE, "what people labeled")
    need_columns(runs, RUNS, "the runs")
    dated = runs.with_columns(week=pl.col("at").dt.date().dt.truncate("1w")).sort("at", "run")
    weeks = sorted({*made["week"].drop_nulls(), *dated["week"].drop_nulls()})
    when = dict(made.select("item", "week").iter_rows())
    overlap: dict[str, list[datetime.date | None]] = {}
    for run, item in both.select("run", "item").unique().sort("run", "item").iter_rows():
        if item in when:
            overlap.setdefault(run, []).append(when[item])
    found: list[Any] = []
    for week in weeks:
        done = made.filter(pl.col("week").is_null() | (pl.col("week") <= week))
        counts = dict(done.group_by("how").len().iter_rows())
        people = [int(counts.get(how, 0)) for how in HOWS]
        latest = dated.filter(pl.col("week") <= week).tail(1)
        rule = 0
        if latest.height:
            theirs = overlap.get(latest["run"][0], [])
            rule = int(latest["labeled"][0]) - sum(day is None or day <= week for day in theirs)
        total = sum(people) + rule
        shares = [n / total if total else None for n in (*people, rule)]
        found.append((week, *people, rule, total, *shares))
    return pl.DataFrame(found, schema=MOVED, orient="row")


def _gold_rows(gold: pl.DataFrame | None) -> pl.DataFrame:
    """Return gold as labels by hand, with the week in which it became gold."""
    if gold is None:
        return pl.DataFrame(schema=MADE)
    week = pl.col("at").dt.date().dt.truncate("1w")
    rows = gold.select("item", how=pl.lit("hand"), week=week, gold=pl.lit(True))
    return rows.sort("item", "week", nulls_last=True)
