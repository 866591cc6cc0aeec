"""Asking other people about a kind of item on which people confuse two labels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from weaklabel.errors import GoldError, some
from weaklabel.gold.agreeing.adjudication import contested
from weaklabel.gold.agreeing.consensus import DOUBTFUL, Consensus
from weaklabel.gold.asking.assigning import ASSIGNMENT, assign, listed, may_ask, need_columns
from weaklabel.gold.asking.hidden import hide_for_new
from weaklabel.gold.asking.people import active
from weaklabel.gold.judging.quarantine import set_aside, standing
from weaklabel.gold.ledger.records import current


@dataclass(frozen=True)
class Reissue:
    """Who else is asked about items of a contested kind; made by `reissue`.

    Parameters
    ----------
    items
        Items that are asked of further people.
    assignments
        Who, columns of `weaklabel.gold.asking.assigning.ASSIGNMENT`; hidden checks of people who are new to the batch
        are among them.
    left
        Items of which nobody else may be asked.
    sentence
        The same in numbers.

    Examples
    --------
    >>> Reissue((), pl.DataFrame(), (), "nothing was asked").sentence
    'nothing was asked'
    """

    items: tuple[str, ...]
    assignments: pl.DataFrame
    left: tuple[str, ...]
    sentence: str


def contested_items(found: Consensus, one: str | None, other: str | None) -> list[str]:
    """Return the settled items to which people gave both labels, sorted; null stands for none of the labels.

    What is not settled is for an expert, and left out.

    Raises
    ------
    GoldError
        No item was given both.

    Examples
    --------
    >>> from weaklabel.gold.agreeing.consensus import consensus
    >>> from weaklabel.schema import LabelSchema
    >>> said = pl.DataFrame({"item": ["a"] * 3 + ["b"] * 2, "annotator": ["ann", "bob", "cid", "ann", "bob"],
    ...                      "kind": "label", "labels": [["spam"], ["ham"], ["ham"], ["spam"], ["ham"]]})
    >>> found = consensus(said, schema=LabelSchema(["ham", "spam"]), method="majority_vote", floor=0.6)
    >>> contested_items(found, "spam", "ham")
    ['a']
    """
    table = contested(found)
    wanted = {one, other}
    for first, second, items in table.select("label", "other", "items").iter_rows():
        if {first, second} == wanted:
            open_ = found.frame.filter(pl.col("status").is_in(DOUBTFUL))["item"]
            return sorted(set(items) - set(open_))
    pairs = [f"{name(a)} and {name(b)}" for a, b in table.select("label", "other").iter_rows()]
    raise GoldError(
        f"no item was called {name(one)} by one person and {name(other)} by another",
        available=pairs or ["nothing is contested"],
    )


def name(label: str | None) -> str:
    """Return a label in words: null is none of the labels.

    Examples
    --------
    >>> name("ham"), name(None)
    ('ham', 'none')
    """
    return "none" if label is None else label


def reissue(
    items: list[str],
    answers: pl.DataFrame,
    assignments: pl.DataFrame,
    annotators: pl.DataFrame,
    *,
    batch: str,
    seed: int,
    people: int = 2,
    seen: pl.DataFrame | None = None,
    quarantines: pl.DataFrame | None = None,
    checks: pl.DataFrame | None = None,
    wanted: int = 0,
    most_checks: float = 0.2,
    near: pl.DataFrame | None = None,
) -> Reissue:
    """Return who else is asked about some items of a batch: people who have not met them, without a suggestion.

    Parameters
    ----------
    items
        Items of the batch.
    answers, assignments, annotators, batch, seed, seen, quarantines, checks, wanted, most_checks, near
        As in `weaklabel.gold.agreeing.redundancy.more_asked`.
    people
        Further people for each item. One fewer are asked where the number of people asked would be even, and fewer
        where so many are not left.

    Raises
    ------
    GoldError
        Items that are not in the batch, or nobody is to be asked.

    Examples
    --------
    >>> pairs = pl.DataFrame({"item": ["a"] * 3, "annotator": ["ann", "bob", "cid"]})
    >>> answers = pairs.with_columns(batch=pl.lit("b1"), kind=pl.lit("label"), labels=pl.Series([["x"], ["x"], ["y"]]))
    >>> people = pl.DataFrame({"annotator": ["ann", "bob", "cid", "dot", "eve"]})
    >>> found = reissue(["a"], answers, listed(pairs, batch="b1", seed=1), people, batch="b1", seed=1)
    >>> sorted(found.assignments["annotator"]), found.sentence
    (['dot', 'eve'], '1 item is asked of other people, 2 further answers')
    """
    if people < 1:
        raise GoldError(f"at least 1 further person is asked, not {people}")
    need_columns(assignments, ASSIGNMENT, "the assignments")
    need_columns(answers, ("item", "annotator", "batch", "kind", "labels"), "the answers")
    mine = current("assignment", assignments.filter(pl.col("batch") == batch))
    asked = standing(mine.filter(~pl.col("check")), quarantines)
    names = sorted(set(items))
    strange = sorted(set(names) - set(asked["item"]))
    if strange:
        raise GoldError(f"items that are not in batch {batch!r} can't be asked of others: {some(strange)}")
    who, weights = active(annotators)
    may = may_ask(names, who, mine, answers, seen)
    if quarantines is not None:
        out = set(set_aside(quarantines).filter(pl.col("batch") == batch)["annotator"])
        may &= np.array([person not in out for person in who], dtype=bool)
    counts = dict(asked.group_by("item").agg(pl.col("annotator").n_unique()).iter_rows())
    needed = [
        _further(counts.get(item, 0), people, int(room))
        for item, room in zip(names, may.sum(axis=1), strict=True)
    ]
    given = assign(names, who, needed=needed, seed=seed, weights=weights, may=may)
    pairs = pl.DataFrame(
        [(names[i], who[p]) for i, p in zip(*given.nonzero(), strict=True)],
        schema={"item": pl.String, "annotator": pl.String},
        orient="row",
    )
    hidden = hide_for_new(
        pairs,
        checks,
        assignments,
        batch=batch,
        seed=seed,
        wanted=wanted,
        most=most_checks,
        seen=seen,
        near=near,
    )
    both = pl.concat([pairs, hidden], how="diagonal").with_columns(pl.col("check").fill_null(False))
    left = tuple(item for item, n in zip(names, needed, strict=True) if not n)
    return Reissue(
        items=tuple(item for item, n in zip(names, needed, strict=True) if n),
        assignments=listed(both, batch=batch, seed=seed, before=assignments),
        left=left,
        sentence=_sentence(len(names) - len(left), pairs.height, hidden.height, len(left)),
    )


def _further(asked: int, people: int, room: int) -> int:
    """Return how many more people are asked, so that an odd number has been asked in all."""
    most = min(people, room)
    return next((n for n in range(most, 0, -1) if (asked + n) % 2), 0)


def _sentence(items: int, answers: int, checks: int, left: int) -> str:
    told = f"{items} item{'s are' if items != 1 else ' is'} asked of other people, {answers} further answers"
    if checks:
        told += f", {checks} hidden checks for those who had none"
    if left:
        told += f"; nobody else may be asked about {left}"
    return told
