"""How many rows of two sets of labels differ, and in what: joined by id, a part at a time."""

from __future__ import annotations

from typing import Any

import polars as pl

from weaklabel.pipeline.diffing.side import Side

PART = 5_000_000
"""Rows that are joined at once."""
_PAIR = ("pattern_before", "pattern_after", "label_before", "status_before", "label_after", "status_after")


def joined(before: Side, after: Side) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return rows by labels and statuses of both sides, and the groups of rows that flip, the largest first.

    A status that is null on one side says that the row is not there. Rows are joined by id, one part of all ids after
    another where they are many, so that memory doesn't follow their number.

    Examples
    --------
    >>> kinds = {"id": pl.String, "label": pl.String, "status": pl.String, "pattern": pl.Int64}
    >>> def side(label):
    ...     rows = pl.LazyFrame([("a", label, "labeled", 1), ("b", "ham", "labeled", 2)], schema=kinds, orient="row")
    ...     return Side("r1", "mail", rows, ("ham", "spam"), None)
    >>> counts, groups = joined(side("ham"), side("spam"))
    >>> counts["rows"].sum(), groups.select("label_before", "label_after", "rows", "id").rows()
    (2, [('ham', 'spam', 1, 'a')])
    """
    kinds = [name for name in _PAIR if not name.startswith("pattern")]
    rows = max(int(side.labels.select(pl.len()).collect().item()) for side in (before, after))
    parts = max(1, -(-rows // PART))
    found = [_joined_part(before, after, part, parts) for part in range(parts)]
    counts, groups = (pl.concat(tables) for tables in zip(*found, strict=True))
    counts = counts.group_by(kinds).agg(pl.col("rows").sum())
    groups = groups.group_by(_PAIR).agg(pl.col("rows").sum(), pl.col("id").min())
    return counts.sort(kinds), groups.sort(["rows", "id"], descending=[True, False])


def _joined_part(before: Side, after: Side, part: int, parts: int) -> list[pl.DataFrame]:
    """Return counts and groups of the ids whose hash is `part` modulo `parts`."""
    mine = pl.lit(True) if parts == 1 else pl.col("id").hash(0) % parts == part
    one, two = (
        side.labels.filter(mine).select(
            "id", *(pl.col(c).alias(f"{c}_{when}") for c in ("label", "status", "pattern"))
        )
        for side, when in ((before, "before"), (after, "after"))
    )
    joined = one.join(two, on="id", how="full", coalesce=True)
    kinds = [name for name in _PAIR if not name.startswith("pattern")]
    counts = joined.group_by(kinds).agg(rows=pl.len().cast(pl.Int64))
    present = pl.col("status_before").is_not_null() & pl.col("status_after").is_not_null()
    flips = joined.filter(present & (differs("label") | differs("status")))
    groups = flips.group_by(_PAIR).agg(rows=pl.len().cast(pl.Int64), id=pl.col("id").min())
    return pl.collect_all([counts, groups], engine="streaming")


def differs(column: str) -> pl.Expr:
    """Return whether a column differs between the two sides; no label is a value too.

    Examples
    --------
    >>> frame = pl.DataFrame({"label_before": ["ham", None, None], "label_after": ["spam", "ham", None]})
    >>> frame.select(differs("label")).to_series().to_list()
    [True, True, False]
    """
    return pl.col(f"{column}_before").ne_missing(pl.col(f"{column}_after"))


def pairs_of(counts: pl.DataFrame, column: str) -> pl.DataFrame:
    """Return rows by what they had and what they have, most rows first.

    Examples
    --------
    >>> counts = pl.DataFrame({"label_before": ["ham", "ham"], "label_after": ["spam", "spam"], "rows": [2, 3]})
    >>> pairs_of(counts, "label").rows()
    [('ham', 'spam', 5)]
    """
    names = [pl.col(f"{column}_{when}").alias(when) for when in ("before", "after")]
    found = counts.group_by(names).agg(pl.col("rows").sum())
    return found.sort(["rows", "before", "after"], descending=[True, False, False])


def side_told(side: Side, counts: pl.DataFrame, when: str) -> dict[str, Any]:
    """Return what there is to say of one side.

    Examples
    --------
    >>> counts = pl.DataFrame({"status_before": ["labeled", "uncovered"], "rows": [3, 1]})
    >>> side_told(Side("v1", "mail", pl.LazyFrame(), ("ham", "spam"), None, version=1), counts, "before")["coverage"]
    0.75
    """
    own = counts.drop_nulls(f"status_{when}")
    rows = int(own["rows"].sum())
    by = own.group_by(f"status_{when}").agg(pl.col("rows").sum()).sort(f"status_{when}")
    statuses = {str(status): int(count) for status, count in by.iter_rows()}
    return {
        "name": side.name,
        "told": side.told,
        "rows": rows,
        "coverage": 1 - statuses.get("uncovered", 0) / max(rows, 1),
        "statuses": statuses,
        "fingerprints": dict(side.prints),
    }
