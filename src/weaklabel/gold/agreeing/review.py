"""What a reviewer sees of a batch on which people agree, and what happens to items that are sent back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from weaklabel.errors import GoldError, some
from weaklabel.gold.asking.assigning import ASSIGNMENT, listed, need_columns
from weaklabel.gold.asking.outcomes import votes_of
from weaklabel.gold.ledger.records import current
from weaklabel.gold.sampling import draw

REVIEW: dict[str, Any] = {
    "item": pl.String,
    "label": pl.List(pl.String),
    "annotators": pl.List(pl.String),
    "inclusion": pl.Float64,
}
"""Columns of what a reviewer sees: an item, what all said, who, and the item's chance of being in the sample."""


@dataclass(frozen=True)
class Review:
    """What a reviewer sees; made by `plan_review`.

    Parameters
    ----------
    frame
        Columns of `REVIEW`, in a random order.
    agreed
        Number of items on which all answers agree.
    sentence
        The same in words.

    Examples
    --------
    >>> Review(pl.DataFrame(), 0, "no items agree").agreed
    0
    """

    frame: pl.DataFrame
    agreed: int
    sentence: str


def plan_review(
    answers: pl.DataFrame,
    *,
    batch: str,
    seed: int,
    share: float = 0.05,
    least: int = 10,
    checks: Sequence[str] | pl.Series = (),
) -> Review:
    """Return a random share of the items on which all answers agree, for a reviewer.

    Items without agreement go to experts anyway; this is a look at what nobody would look at again.

    Parameters
    ----------
    answers
        Current answers that stand: `item`, `annotator`, `batch`, `kind`, `labels`.
    batch
        The batch.
    seed
        Seed of the sample.
    share
        Share of the agreed items.
    least
        Least number of them, or all of fewer.
    checks
        Items that are hidden checks; they are left out.

    Notes
    -----
    Agreed: two votes or more, all the same. Votes are answers of kind label and "none of these".

    Examples
    --------
    >>> answers = pl.DataFrame({"item": ["a", "a", "b", "b"], "annotator": ["ann", "bob"] * 2, "batch": "b1",
    ...                         "kind": "label", "labels": [["ham"], ["ham"], ["ham"], ["spam"]]})
    >>> review = plan_review(answers, batch="b1", seed=1)
    >>> review.frame.rows(), review.sentence
    ([('a', ['ham'], ['ann', 'bob'], 1.0)], '1 of 1 agreed item is shown to the reviewer')
    """
    if not 0 < share <= 1:
        raise GoldError(f"the share of a review lies between 0 and 1, not {share}")
    mine = votes_of(answers.filter((pl.col("batch") == batch) & ~pl.col("item").is_in(list(checks))))
    agreed = (
        mine.group_by("item")
        .agg(
            pl.col("outcome").n_unique().alias("outcomes"),
            pl.col("outcome").first().alias("label"),
            pl.col("annotator").sort().alias("annotators"),
        )
        .filter((pl.col("outcomes") == 1) & (pl.col("annotators").list.len() >= 2))
    )
    if not agreed.height:
        return Review(pl.DataFrame(schema=REVIEW), 0, "no items agree: there is nothing to review")
    size = min(max(round(share * agreed.height), least, 1), agreed.height)
    drawn = draw(agreed.select(id="item"), size, purpose=f"review {batch}", seed=seed).frame
    frame = (
        drawn.sort("order").rename({"id": "item"}).join(agreed, on="item", how="left", maintain_order="left")
    )
    items = f"agreed item{'s are' if agreed.height > 1 else ' is'}"
    said = f"{size} of {agreed.height} {items} shown to the reviewer"
    return Review(frame.select(REVIEW.keys()), agreed.height, said)


def send_back(items: Sequence[str], assignments: pl.DataFrame, *, batch: str, seed: int) -> pl.DataFrame:
    """Return the assignments of items that a reviewer sends back: their people are asked once more.

    They are shown without a suggestion, after what stands in each person's list. A new answer takes the place of the
    old one; until it comes the old one stands. The reason is the note of the batch's next state.

    Parameters
    ----------
    items
        Items of the batch.
    assignments
        Records of kind assignment.
    batch
        The batch.
    seed
        Seed of the order.

    Raises
    ------
    GoldError
        An item is not in the batch, or is a hidden check.

    Examples
    --------
    >>> pairs = pl.DataFrame({"item": ["a", "a", "b"], "annotator": ["ann", "bob", "ann"]})
    >>> send_back(["a"], listed(pairs, batch="b1", seed=1), batch="b1", seed=1).select("annotator", "position").rows()
    [('ann', 3), ('bob', 2)]
    """
    need_columns(assignments, ASSIGNMENT, "the assignments")
    mine = current("assignment", assignments.filter(pl.col("batch") == batch))
    production = mine.filter(~pl.col("check"))
    wrong = sorted(set(items) - set(production["item"]))
    if wrong:
        raise GoldError(f"items that are not in batch {batch!r} can't be sent back: {some(wrong)}")
    pairs = production.filter(pl.col("item").is_in(list(items))).select("item", "annotator")
    return listed(pairs, batch=batch, seed=seed, before=assignments)
