"""Which labels people mistake for one another, and which items are hardest."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import combinations
from typing import Any

import polars as pl

from weaklabel.gold.asking.assigning import need_columns
from weaklabel.gold.judging.confusion import confusion
from weaklabel.gold.trends.occasions import FEW
from weaklabel.stats import wilson

PAIRS: dict[str, Any] = {
    "one": pl.String,
    "other": pl.String,
    "items": pl.Int64,
    "either": pl.Int64,
    "share": pl.Float64,
    "low": pl.Float64,
    "high": pl.Float64,
    "few": pl.Boolean,
}
"""Two classes that were both given to `items` items, of the `either` items that were given one of them and that two
people or more answered; with Wilson's interval."""

HARDEST: dict[str, Any] = {
    "item": pl.String,
    "answers": pl.Int64,
    "differ": pl.Int64,
    "share": pl.Float64,
    "low": pl.Float64,
    "high": pl.Float64,
    "said": pl.List(pl.String),
    "gold": pl.String,
    "wrong": pl.Int64,
    "no_opinion": pl.Int64,
    "comments": pl.Int64,
    "seconds": pl.Float64,
}
"""Items by how far people differ: `differ` of `answers` don't say what most say (Wilson's interval); what was `said`,
the most frequent first; what `gold` says (null: none) and how many were `wrong`; how many skipped or were unsure, how
many commented, and the median time."""

CONFUSIONS: dict[str, Any] = {
    "annotator": pl.String,
    "source": pl.String,
    "gold": pl.String,
    "said": pl.String,
    "n": pl.Int64,
    "share": pl.Float64,
    "low": pl.Float64,
    "high": pl.Float64,
}
"""What each person said for each class of gold; `share` is of that class's answers, with Wilson's interval."""


def contested_pairs(rows: pl.DataFrame, *, classes: Sequence[str], confidence: float = 0.95) -> pl.DataFrame:
    """Return which two classes were given to the same items, the most frequent pairs first.

    Parameters
    ----------
    rows
        `order`, `item`, `annotator` and `said`; of a person's several answers to an item the latest counts.
    classes
        What an answer can say; each pair is named in this order.
    confidence
        Nominal coverage of the intervals.

    Examples
    --------
    >>> rows = pl.DataFrame({"order": [1, 2, 3, 4], "item": ["a", "a", "b", "b"], "annotator": ["1", "2"] * 2,
    ...                      "said": ["ham", "spam", "ham", "ham"]})
    >>> contested_pairs(rows, classes=["ham", "spam"]).select("one", "other", "items", "either").rows()
    [('ham', 'spam', 1, 2)]
    """
    place = {name: i for i, name in enumerate(classes)}
    both: Counter[tuple[str, str]] = Counter()
    either: Counter[tuple[str, str]] = Counter()
    single: Counter[str] = Counter()
    for kinds in _several(_one_each(rows))["said"]:
        given = sorted(set(kinds), key=place.__getitem__)
        single.update(given)
        both.update(combinations(given, 2))
    for one, other in both:
        either[one, other] = single[one] + single[other] - both[one, other]
    found: list[Any] = []
    for (one, other), items in both.items():
        share = wilson(items, either[one, other], confidence=confidence)
        few = either[one, other] < FEW
        found.append((one, other, items, either[one, other], share.value, share.low, share.high, few))
    found.sort(key=lambda row: (-row[2], -row[4], place[row[0]], place[row[1]]))
    return pl.DataFrame(found, schema=PAIRS, orient="row")


def hardest(rows: pl.DataFrame, *, most: int = 20, confidence: float = 0.95) -> pl.DataFrame:
    """Return the items on which people differ most, the surest first: by the low end of the interval.

    Parameters
    ----------
    rows
        `order`, `item`, `annotator`, `said` (null: no answer), `gold`, `seconds` and `commented`; of a person's several
        answers to an item the latest counts.
    most
        Number of items.
    confidence
        Nominal coverage of the intervals.

    Returns
    -------
    polars.DataFrame
        Columns of `HARDEST`; items on which nobody differs and all are right are left out.

    Examples
    --------
    >>> rows = pl.DataFrame({"order": [1, 2, 3], "item": ["a", "a", "b"], "annotator": ["1", "2", "1"], "seconds": [4.0, 8.0, 2.0],
    ...                      "said": ["ham", "spam", "ham"], "gold": ["ham", "ham", None], "commented": False})
    >>> hardest(rows).select("item", "answers", "differ", "said", "wrong", "seconds").rows()
    [('a', 2, 1, ['ham', 'spam'], 1, 6.0)]
    """
    needed = ("order", "item", "annotator", "said", "gold", "seconds", "commented")
    need_columns(rows, needed, "the answers")
    each = _one_each(rows)
    counts = each.drop_nulls("said").group_by("item", "said").agg(n=pl.len())
    by_frequency = counts.sort("item", "n", "said", descending=[False, True, False])
    said = by_frequency.group_by("item", maintain_order=True).agg("said", top=pl.col("n").first())
    found = (
        each.group_by("item")
        .agg(
            answers=pl.col("said").count(),
            gold=pl.col("gold").drop_nulls().first(),
            wrong=(pl.col("said") != pl.col("gold")).sum(),
            no_opinion=pl.col("said").null_count(),
            comments=pl.col("commented").sum(),
            seconds=pl.col("seconds").median(),
        )
        .join(said, on="item", how="inner")
        .with_columns(differ=pl.col("answers") - pl.col("top"))
        .filter((pl.col("differ") > 0) | (pl.col("wrong") > 0))
    )
    known = found.select("differ", "answers").unique()
    ends = {pair: wilson(*pair, confidence=confidence) for pair in known.iter_rows()}
    shares = [ends[pair] for pair in found.select("differ", "answers").iter_rows()]
    ordered = found.with_columns(
        pl.Series(name, [getattr(share, field) for share in shares], dtype=pl.Float64)
        for name, field in (("share", "value"), ("low", "low"), ("high", "high"))
    ).sort("low", "differ", "wrong", "item", descending=[True, True, True, False])
    return ordered.head(most).select(pl.col(name).cast(kind) for name, kind in HARDEST.items())


def confusions(rows: pl.DataFrame, *, confidence: float = 0.95) -> pl.DataFrame:
    """Return each person's confusion matrix on hidden checks; who has none: on training rounds, else on settled items.

    Parameters
    ----------
    rows
        `order`, `item`, `annotator`, `said`, `gold` and `source`, as `weaklabel.gold.trends.agreed.judged` gives them.
    confidence
        Nominal coverage of the intervals.

    Examples
    --------
    >>> rows = pl.DataFrame({"order": [1, 2], "item": ["a", "b"], "annotator": "annotator 1", "said": ["ham", "spam"],
    ...                      "gold": ["ham", "ham"], "source": ["check", "check"]})
    >>> confusions(rows).select("annotator", "source", "gold", "said", "n", "share").rows()
    [('annotator 1', 'check', 'ham', 'ham', 1, 0.5), ('annotator 1', 'check', 'ham', 'spam', 1, 0.5)]
    """
    need_columns(rows, ("order", "item", "annotator", "said", "gold", "source"), "the answers")
    answered = rows.drop_nulls(["said", "gold", "source"])
    found = []
    for (person,), part in answered.sort("annotator").group_by("annotator", maintain_order=True):
        source = next(name for name in ("check", "training", "settled") if name in part["source"])
        mine = _one_each(part.filter(pl.col("source") == source))
        found.append(
            confusion(mine).with_columns(annotator=pl.lit(person, dtype=pl.String), source=pl.lit(source))
        )
    if not found:
        return pl.DataFrame(schema=CONFUSIONS)
    table = pl.concat(found).with_columns(total=pl.col("n").sum().over("annotator", "gold"))
    ends = [wilson(n, total, confidence=confidence) for n, total in table.select("n", "total").iter_rows()]
    return table.with_columns(
        pl.Series("low", [e.low for e in ends], dtype=pl.Float64),
        pl.Series("high", [e.high for e in ends], dtype=pl.Float64),
    ).select(pl.col(name).cast(kind) for name, kind in CONFUSIONS.items())


def _one_each(rows: pl.DataFrame) -> pl.DataFrame:
    """Return each person's latest answer to each item, sorted by item and annotator."""
    in_order = rows.sort("item", "annotator", "order", maintain_order=True)
    return in_order.unique(subset=["item", "annotator"], keep="last", maintain_order=True)


def _several(rows: pl.DataFrame) -> pl.DataFrame:
    """Return what was said of each item that two people or more answered."""
    said = rows.drop_nulls("said").group_by("item", maintain_order=True).agg("said")
    return said.filter(pl.col("said").list.len() > 1)
