"""Agreement with gold and among people, by week, guideline version or person, with intervals."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import polars as pl

from weaklabel.agreement import alpha_of_counts, answer_counts, confusion_counts, kappa_of_counts
from weaklabel.errors import GoldError
from weaklabel.gold.asking.assigning import need_columns
from weaklabel.gold.judging.confusion import against_gold
from weaklabel.gold.trends.occasions import FEW
from weaklabel.schema import LabelSchema
from weaklabel.stats import Estimate, wilson

SOURCES = {"check": "hidden checks", "training": "training rounds", "settled": "items settled later"}
"""What gold an answer is held against. `settled`: the answer was given to label, and experts settled the item later,
mostly because people disagreed, so agreement there is lower than elsewhere."""

WITH_GOLD: dict[str, Any] = {
    "source": pl.String,
    "group": pl.String,
    "answers": pl.Int64,
    "items": pl.Int64,
    "people": pl.Int64,
    "right": pl.Int64,
    **{f"{name}{end}": pl.Float64 for name in ("raw", "kappa") for end in ("", "_low", "_high")},
    "few": pl.Boolean,
}
"""Columns of agreement with gold: `raw` is the share of right answers (Wilson's interval), `kappa` Cohen's; null: not
measured. `few`: fewer than `FEW` answers."""

AMONG: dict[str, Any] = {
    "group": pl.String,
    "items": pl.Int64,
    "answers": pl.Int64,
    "people": pl.Int64,
    "alike": pl.Int64,
    **{f"{name}{end}": pl.Float64 for name in ("raw", "alpha") for end in ("", "_low", "_high")},
    "few": pl.Boolean,
}
"""Columns of agreement among people, on items with two answers or more: `raw` is the share of the items on which all
say the same (Wilson's interval), `alpha` Krippendorff's. `few`: fewer than `FEW` items."""

GROUPS = ("week", "guideline", "annotator")


def judged(
    rows: pl.DataFrame, gold: pl.DataFrame | None, *, schema: LabelSchema, label: str | None = None
) -> pl.DataFrame:
    """Return occasions with the classes `said` and `gold`, and the `source` of that gold.

    Parameters
    ----------
    rows
        Occasions, see `weaklabel.gold.trends.occasions.OCCASIONS`.
    gold
        `item`, `labels`, `role` and `experts` (by the names that the rows use) of the gold set; None: there is none.
        Gold of role audit and shown is not used: the one reaches nothing but the audit, the other is printed in the
        guideline. An expert's own answers are not held against gold that they made.
    schema, label
        See `weaklabel.gold.judging.confusion.classes_of`.

    Returns
    -------
    polars.DataFrame
        The rows, with `said` (null: no answer), `gold` and `source` (a key of `SOURCES`; both null: no gold).

    Examples
    --------
    >>> from weaklabel.gold.trends.occasions import OCCASIONS
    >>> rows = pl.DataFrame([{"item": "a", "annotator": "annotator 1", "kind": "label", "labels": ["ham"], "use": "check"}],
    ...                     schema=OCCASIONS)
    >>> gold = pl.DataFrame({"item": ["a"], "labels": [["spam"]], "role": ["check"], "experts": [["annotator 2"]]})
    >>> judged(rows, gold, schema=LabelSchema(["ham", "spam"])).select("said", "gold", "source").rows()
    [('ham', 'spam', 'check')]
    """
    numbered = rows.with_row_index("row").with_columns(pl.col("row").cast(pl.String))
    known = _usable(gold)
    all_items = rows.select("item").unique().join(known.drop("experts"), on="item", how="left")
    single = numbered.select("item", "kind", "labels", annotator="row")  # a person may have several occasions
    told = against_gold(
        single, all_items.with_columns(pl.col("labels").fill_null([])), schema=schema, label=label
    )
    found = numbered.join(told.select(row="annotator", said="said", truth="gold"), on="row", how="left")
    found = found.join(known.select("item", "experts"), on="item", how="left", maintain_order="left")
    mine = pl.col("experts").list.contains(pl.col("annotator")).fill_null(False)
    usable = pl.col("experts").is_not_null() & ~mine & (pl.col("use") != "audit")
    source = (
        pl.when(pl.col("use").is_in(["check", "training"])).then(pl.col("use")).otherwise(pl.lit("settled"))
    )
    return found.sort(pl.col("row").cast(pl.Int64)).select(
        *rows.columns, "said", gold=pl.when(usable).then("truth"), source=pl.when(usable).then(source)
    )


def with_gold(
    rows: pl.DataFrame, by: str, *, classes: Sequence[str], confidence: float = 0.95
) -> pl.DataFrame:
    """Return agreement with gold for each source and week, guideline version or person.

    Within a group only a person's latest answer to an item counts. Skips and unsure answers are left out. The
    intervals take answers as independent; several people's answers to the same few items make them too narrow.

    Parameters
    ----------
    rows
        What `judged` gives.
    by
        One of `GROUPS`.
    classes
        What an answer can say, see `weaklabel.gold.judging.confusion.classes_of`.
    confidence
        Nominal coverage of the intervals.

    Returns
    -------
    polars.DataFrame
        Columns of `WITH_GOLD`, sorted by source and group.

    Examples
    --------
    >>> rows = pl.DataFrame({"order": [1, 2], "item": ["a", "b"], "annotator": "annotator 1", "guideline": "v1",
    ...                      "source": "check", "said": ["ham", "spam"], "gold": ["ham", "ham"], "week": None})
    >>> with_gold(rows, "guideline", classes=["ham", "spam"]).select("group", "answers", "right", "raw", "few").rows()
    [('v1', 2, 1, 0.5, True)]
    """
    needed = ("order", "item", "annotator", "said", "gold", "source", _group(by))
    need_columns(rows, needed, "the answers")
    kept = _latest(rows.drop_nulls(["said", "gold", "source"]), ["source", by])
    found: list[Any] = []
    for (source, group), part in kept.group_by("source", by, maintain_order=True):
        raw, kappa = agreement(part, classes, confidence=confidence)
        right = int((part["said"] == part["gold"]).sum())
        sizes = (part.height, part["item"].n_unique(), part["annotator"].n_unique(), right)
        found.append((source, _named(group), *sizes, *_ends(raw), *_ends(kappa), part.height < FEW))
    return pl.DataFrame(found, schema=WITH_GOLD, orient="row").sort("source", "group")


def agreement(
    part: pl.DataFrame, classes: Sequence[str], *, confidence: float = 0.95
) -> tuple[Estimate, Estimate]:
    """Return raw agreement and Cohen's kappa of `said` with `gold`.

    Examples
    --------
    >>> part = pl.DataFrame({"said": ["ham", "spam"], "gold": ["ham", "spam"]})
    >>> [estimate.value for estimate in agreement(part, ["ham", "spam"])]
    [1.0, 1.0]
    """
    code = {name: i for i, name in enumerate(classes)}
    counts = confusion_counts(
        [code[name] for name in part["said"]], [code[name] for name in part["gold"]], n_classes=len(classes)
    )
    n = int(counts.sum())
    return wilson(int(np.trace(counts)), n, confidence=confidence), kappa_of_counts(
        counts, confidence=confidence
    )


def among(
    rows: pl.DataFrame, by: str, *, classes: Sequence[str], seed: int = 0, confidence: float = 0.95
) -> pl.DataFrame:
    """Return agreement among people for each week or guideline version; answers that are missing are allowed.

    Within a group only a person's latest answer to an item counts. An item of a batch belongs to the week of its
    last answer, so that people who answer it in different weeks are compared.

    Parameters
    ----------
    rows
        Occasions with `said`, as `judged` gives them; training rounds, experts and reviewers are left out by the
        caller.
    by
        `week` or `guideline`.
    classes
        What an answer can say.
    seed
        Seed of the bootstrap; the order of the rows changes nothing.
    confidence
        Nominal coverage of the intervals.

    Returns
    -------
    polars.DataFrame
        Columns of `AMONG`, sorted by group; groups without an item that two people answered are left out.

    Examples
    --------
    >>> rows = pl.DataFrame({"order": [1, 2, 3, 4], "item": ["a", "a", "b", "b"], "batch": None, "week": None,
    ...                      "annotator": ["annotator 1", "annotator 2"] * 2, "guideline": "v1",
    ...                      "said": ["ham", "ham", "ham", "spam"]})
    >>> among(rows, "guideline", classes=["ham", "spam"]).select("group", "items", "alike", "raw").rows()
    [('v1', 2, 1, 0.5)]
    """
    need_columns(rows, ("order", "item", "annotator", "batch", "said", _group(by)), "the answers")
    said = rows.drop_nulls("said")
    if by == "week":
        said = said.with_columns(pl.col("week").max().over("item", "batch"))
    kept = _latest(said, [by])
    kept = kept.filter(pl.len().over("item", by) > 1)
    code = {name: i for i, name in enumerate(classes)}
    found: list[Any] = []
    for (group,), part in kept.group_by(by, maintain_order=True):
        codes = np.array([code[name] for name in part["said"]], dtype=np.int64)
        counts = answer_counts(codes, items=part["item"].to_numpy(), n_classes=len(classes))
        alike = int((counts.max(axis=1) == counts.sum(axis=1)).sum())
        raw = wilson(alike, len(counts), confidence=confidence)
        alpha = alpha_of_counts(counts, seed=seed, confidence=confidence)
        sizes = (len(counts), part.height, part["annotator"].n_unique(), alike)
        found.append((_named(group), *sizes, *_ends(raw), *_ends(alpha), len(counts) < FEW))
    return pl.DataFrame(found, schema=AMONG, orient="row").sort("group")


def class_names(schema: LabelSchema) -> tuple[str | None, ...]:
    """Return what is asked about one at a time: nothing for an exclusive schema, else every label.

    Examples
    --------
    >>> class_names(LabelSchema(["ham", "spam"])), class_names(LabelSchema(["x", "y"], exclusive=False))
    ((None,), ('x', 'y'))
    """
    return (None,) if schema.exclusive else tuple(schema.names)


def _usable(gold: pl.DataFrame | None) -> pl.DataFrame:
    """Return item, labels and experts of the gold that answers may be held against."""
    wanted: dict[str, Any] = {"item": pl.String, "labels": pl.List(pl.String), "experts": pl.List(pl.String)}
    if gold is None:
        return pl.DataFrame(schema=wanted)
    need_columns(gold, ("item", "labels", "role", "experts"), "gold")
    kept = gold.filter(~pl.col("role").is_in(["audit", "shown", "removed"]))
    return kept.select(
        "item",
        pl.col("labels").cast(wanted["labels"]),
        pl.col("experts").cast(wanted["experts"]).fill_null([]),
    )


def _latest(rows: pl.DataFrame, group: list[str]) -> pl.DataFrame:
    """Return a person's latest occasion with each item in each group."""
    who = [*group, "item", "annotator"]
    in_order = rows.sort(*who, "order", maintain_order=True)
    return in_order.unique(subset=who, keep="last", maintain_order=True)


def _group(by: str) -> str:
    if by not in GROUPS:
        raise GoldError(f"agreement is not shown by {by!r}", available=GROUPS)
    return by


def _named(value: object) -> str:
    return "unknown" if value is None else str(value)


def _ends(estimate: Estimate) -> tuple[float | None, float | None, float | None]:
    return estimate.value, estimate.low, estimate.high
