"""Gold as rules are judged by it: joined by id, weighted by design, in the order of its batches."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from weaklabel.errors import GoldError, some

NO_LABEL = -1
"""Code of gold that is none of the labels."""


@dataclass(frozen=True)
class RuleGold:
    """Gold rows as rules are judged by them; made by `rule_gold`.

    Parameters
    ----------
    row
        Their positions among the rows voted on.
    code
        Codes of their labels; -1: none of the labels.
    weight
        One over the probability of having been drawn.
    batch
        Places of their batches in `batches`.
    batches
        Names of the batches, sorted.
    ids
        Row ids.

    Examples
    --------
    >>> gold = pl.DataFrame({"id": ["b"], "label": ["spam"], "inclusion": [0.5]})
    >>> known, notes = rule_gold(pl.DataFrame({"id": ["a", "b"]}), gold, ["ham", "spam"])
    >>> known.row.tolist(), known.code.tolist(), known.weight.tolist(), prior(known, 2).tolist()
    ([1], [1], [2.0], [0.0, 1.0])
    """

    row: npt.NDArray[np.int64]
    code: npt.NDArray[np.int64]
    weight: npt.NDArray[np.float64]
    batch: npt.NDArray[np.int64]
    batches: tuple[str, ...]
    ids: tuple[str, ...]


def rule_gold(
    frame: pl.DataFrame, gold: pl.DataFrame, labels: Sequence[str]
) -> tuple[RuleGold, tuple[str, ...]]:
    """Return the gold rows that can be used, by batch and id, and what is to be said of the others.

    A row whose label is null is none of the labels: it counts against every rule that votes for one there.

    Examples
    --------
    >>> gold = pl.DataFrame({"id": ["a"], "label": ["spam"], "inclusion": [None]}, schema_overrides={"inclusion": pl.Float64})
    >>> rule_gold(pl.DataFrame({"id": ["a"]}), gold, ["ham", "spam"])[1]
    ('1 gold rows were not used, as nobody knows how likely they were to be drawn',)
    """
    for name in ("id", "label", "inclusion"):
        if name not in gold.columns:
            raise GoldError(f"gold has no column {name!r}", available=gold.columns)
    batch = pl.col("batch").cast(pl.String).fill_null("") if "batch" in gold.columns else pl.lit("")
    rows = gold.select(pl.col("id").cast(pl.String), "label", "inclusion", batch=batch)
    if rows.select("id", "batch").is_duplicated().any():
        twice = rows.filter(rows.select("id", "batch").is_duplicated())["id"].unique().sort()
        raise GoldError(f"gold holds {some(twice)} more than once in one batch")
    place = frame.select(pl.col("id").cast(pl.String)).with_row_index("row")
    joined = rows.join(place, on="id", how="left").sort("batch", "id")
    strange = joined.filter(pl.col("row").is_null())
    if strange.height:
        raise GoldError(f"{strange.height} gold rows are not among the rows voted on: {some(strange['id'])}")
    wrong = joined.filter(~pl.col("label").is_in(list(labels)))
    if wrong.height:
        raise GoldError(
            f"gold label {wrong['label'][0]!r} is none of the classes",
            where=f"row {wrong['id'][0]!r}",
            available=list(labels),
        )
    odd = joined.filter((pl.col("inclusion") <= 0) | (pl.col("inclusion") > 1))
    if odd.height:
        raise GoldError(
            f"inclusion probability {odd['inclusion'][0]} of a gold row is not above 0 and at most 1",
            where=f"row {odd['id'][0]!r}",
        )
    used = joined.drop_nulls("inclusion")
    unknown = joined.height - used.height
    notes = (
        (f"{unknown} gold rows were not used, as nobody knows how likely they were to be drawn",)
        if unknown
        else ()
    )
    names = used["batch"].unique().sort()
    codes = used["label"].replace_strict(
        {n: c for c, n in enumerate(labels)}, default=NO_LABEL, return_dtype=pl.Int64
    )
    at = used["batch"].replace_strict({n: i for i, n in enumerate(names)}, return_dtype=pl.Int64)
    known = RuleGold(
        used["row"].to_numpy().astype(np.int64),
        codes.to_numpy(),
        1 / used["inclusion"].to_numpy().astype(np.float64),
        at.to_numpy(),
        tuple(names),
        tuple(used["id"]),
    )
    return known, notes


def prior(gold: RuleGold, k: int) -> npt.NDArray[np.float64] | None:
    """Return the weighted share of each class among gold rows, of which some may be no class; None without any.

    Examples
    --------
    >>> gold = pl.DataFrame({"id": ["a", "b"], "label": ["spam", "ham"], "inclusion": [1.0, 0.25]})
    >>> prior(rule_gold(gold, gold, ["ham", "spam"])[0], 2).tolist()
    [0.8, 0.2]
    """
    if not len(gold.code):
        return None
    counts = np.bincount(gold.code - NO_LABEL, weights=gold.weight, minlength=k + 1)
    shares: npt.NDArray[np.float64] = counts[1:] / counts.sum()
    return shares
