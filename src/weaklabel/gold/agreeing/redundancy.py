"""How many people an item needs: more where it proves hard, no more where it proves easy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from weaklabel.errors import GoldError
from weaklabel.gold.asking.assigning import ASSIGNMENT, assign, listed, may_ask, need_columns
from weaklabel.gold.asking.hidden import hide_for_new
from weaklabel.gold.asking.outcomes import queued, votes_of
from weaklabel.gold.asking.people import active
from weaklabel.gold.judging.quarantine import set_aside, standing
from weaklabel.gold.ledger.records import current
from weaklabel.gold.power import percent

ITEMS: dict[str, Any] = {
    "item": pl.String,
    "asked": pl.Int64,
    "pending": pl.Int64,
    "votes": pl.Int64,
    "top": pl.Int64,
    "sure": pl.Float64,
    "status": pl.String,
    "needs": pl.Int64,
}
"""Columns of `Asked.items`.

`asked` people, of whom `pending` have not answered; `votes` name an outcome, `top` of them the most frequent; `sure` is
the posterior where one was given, else top / votes. `status`: `done`; `early`, done whatever the pending answers say;
`waiting` for answers; `more`, asked of `needs` more people; `experts`.
"""

_WORDS = {
    "done": "done",
    "early": "done early",
    "waiting": "waiting",
    "more": "asked of more people",
    "experts": "for experts",
}
_SLACK = 1e-9


@dataclass(frozen=True)
class Redundancy:
    """When an item has been asked of enough people.

    Parameters
    ----------
    per_item
        Votes that an item has at least; odd.
    most
        People that an item is asked of at most.
    sure
        Posterior, or share of the votes, from which on an item is done.

    Raises
    ------
    GoldError
        An even number of votes, fewer people at most than at least, or a share that is no majority.

    Examples
    --------
    >>> Redundancy(per_item=3, most=7, sure=0.75)
    Redundancy(per_item=3, most=7, sure=0.75)
    """

    per_item: int = 3
    most: int = 7
    sure: float = 0.8

    def __post_init__(self) -> None:
        if self.per_item < 1 or self.per_item % 2 == 0:
            raise GoldError(f"an item has an odd number of votes, not {self.per_item}", hint="1, 3 or 5")
        if self.most < self.per_item:
            raise GoldError(f"an item is asked of {self.per_item} people at least and {self.most} at most")
        if not 0.5 < self.sure <= 1:
            raise GoldError(f"an item is done from a share above 0.5 up to 1 on, not {self.sure}")


@dataclass(frozen=True)
class Asked:
    """What the answers so far mean for a batch; made by `more_asked`.

    Parameters
    ----------
    items
        Columns of `ITEMS`, sorted by item.
    assignments
        Who else is asked, columns of `weaklabel.gold.asking.assigning.ASSIGNMENT`, with hidden checks for people who
        are new to the batch.
    spare
        Assignments that need no answer any more: those pending on items that are done early.
    queue
        Items for experts, columns of the queue's records.
    sentence
        The same in numbers.

    Examples
    --------
    >>> Asked(*[pl.DataFrame()] * 4, "nothing was asked").sentence
    'nothing was asked'
    """

    items: pl.DataFrame
    assignments: pl.DataFrame
    spare: pl.DataFrame
    queue: pl.DataFrame
    sentence: str


def more_asked(
    answers: pl.DataFrame,
    assignments: pl.DataFrame,
    annotators: pl.DataFrame,
    *,
    batch: str,
    seed: int,
    settings: Redundancy | None = None,
    posterior: pl.DataFrame | None = None,
    seen: pl.DataFrame | None = None,
    quarantines: pl.DataFrame | None = None,
    checks: pl.DataFrame | None = None,
    wanted: int = 10,
    most_checks: float = 0.2,
    near: pl.DataFrame | None = None,
) -> Asked:
    """Return which items of a batch are done, which are asked of more people, and which go to experts.

    Parameters
    ----------
    answers
        Current answers: `item`, `annotator`, `batch`, `kind`, `labels`.
    assignments
        Records of kind assignment.
    annotators
        See `weaklabel.gold.asking.batches.plan_batch`.
    batch
        The batch.
    seed
        Seed of who is asked.
    settings
        When an item is done.
    posterior
        How sure a consensus is: `item`, `posterior`. It takes the place of the share of votes.
    seen
        Who has met what: `item` and `annotator` (null: everybody).
    quarantines
        Records of kind quarantine. Answers and assignments that are set aside are passed over, and their people are
        asked nothing more in this batch.
    checks, wanted, most_checks, near
        Gold of role check, how many are hidden for people who had none in the batch, and the largest share of their
        list; see `weaklabel.gold.asking.hidden.hide_for_new`. None: none are.

    Notes
    -----
    An item is done when nobody who was asked is pending, its votes are odd and at least `per_item`, and it is sure
    enough. It is done early when its share of votes stays high enough even if all pending answers say otherwise. Else
    it is asked of two more people; of one where a skip left an even number; or of as many as are missing from
    `per_item`. When that would pass `most`, or too few people are left, it goes to experts. Further people see no
    suggestion.

    Examples
    --------
    >>> pairs = pl.DataFrame({"item": ["a"] * 3 + ["b"] * 3, "annotator": ["ann", "bob", "cid"] * 2})
    >>> answers = pairs.with_columns(batch=pl.lit("b1"), kind=pl.lit("label"),
    ...                              labels=pl.Series([["x"], ["x"], ["x"], ["x"], ["y"], ["y"]]))
    >>> people = pl.DataFrame({"annotator": ["ann", "bob", "cid", "dot", "eve"]})
    >>> more = more_asked(answers, listed(pairs, batch="b1", seed=1), people, batch="b1", seed=1)
    >>> more.items.select("item", "status", "needs").rows(), sorted(more.assignments["annotator"])
    ([('a', 'done', 0), ('b', 'more', 2)], ['dot', 'eve'])
    """
    settings = settings or Redundancy()
    need_columns(assignments, ASSIGNMENT, "the assignments")
    need_columns(answers, ("item", "annotator", "batch", "kind", "labels"), "the answers")
    mine = current("assignment", assignments.filter(pl.col("batch") == batch))
    asked = standing(mine.filter(~pl.col("check")), quarantines)
    said = standing(answers.filter(pl.col("batch") == batch), quarantines)
    left = pending(asked, said)
    table = _counted(asked, said, left, posterior)
    people, weights = active(annotators)
    names = table["item"].to_list()
    may = may_ask(names, people, mine, answers, seen)
    if quarantines is not None:
        out = set(set_aside(quarantines).filter(pl.col("batch") == batch)["annotator"])
        may &= np.array([name not in out for name in people], dtype=bool)
    rooms = may.sum(axis=1).tolist()
    fates = [
        _fate(row, int(room), settings) for row, room in zip(table.iter_rows(named=True), rooms, strict=True)
    ]
    items = table.with_columns(
        pl.Series("status", [fate[0] for fate in fates], dtype=pl.String),
        pl.Series("needs", [fate[1] for fate in fates], dtype=pl.Int64),
    ).select(pl.col(name).cast(kind) for name, kind in ITEMS.items())
    given = assign(names, people, needed=items["needs"].to_list(), seed=seed, weights=weights, may=may)
    pairs = [(names[i], people[p]) for i, p in zip(*given.nonzero(), strict=True)]
    more = pl.DataFrame(pairs, schema={"item": pl.String, "annotator": pl.String}, orient="row")
    hidden = hide_for_new(
        more,
        checks,
        assignments,
        batch=batch,
        seed=seed,
        wanted=wanted,
        most=most_checks,
        seen=seen,
        near=near,
    )
    early = items.filter(pl.col("status") == "early")
    stuck = [(name, fate[2]) for name, fate in zip(names, fates, strict=True) if fate[0] == "experts"]
    return Asked(
        items=items,
        assignments=listed(
            pl.concat([more, hidden], how="diagonal").with_columns(pl.col("check").fill_null(False)),
            batch=batch,
            seed=seed,
            before=assignments,
        ),
        spare=left.join(early, on="item", how="semi"),
        queue=queued([name for name, _ in stuck], batch=batch, why=[why for _, why in stuck]),
        sentence=_sentence(items, hidden, settings),
    )


def pending(assignments: pl.DataFrame, answers: pl.DataFrame) -> pl.DataFrame:
    """Return the assignments without an answer; where both have `recorded_at`, without one since they were made.

    Parameters
    ----------
    assignments, answers
        Of one batch.

    Examples
    --------
    >>> asked = listed(pl.DataFrame({"item": ["a", "b"], "annotator": ["ann", "ann"]}), batch="b1", seed=1)
    >>> pending(asked, pl.DataFrame({"item": ["a"], "annotator": ["ann"]}))["item"].to_list()
    ['b']
    """
    who = ["item", "annotator"]
    if "recorded_at" not in assignments.columns or "recorded_at" not in answers.columns:
        return assignments.join(answers.select(who).unique(), on=who, how="anti", maintain_order="left")
    last = answers.group_by(who).agg(pl.col("recorded_at").max().alias("answered"))
    rows = assignments.join(last, on=who, how="left", maintain_order="left")
    return rows.filter(pl.col("answered").is_null() | (pl.col("answered") < pl.col("recorded_at"))).drop(
        "answered"
    )


def _counted(
    asked: pl.DataFrame, said: pl.DataFrame, left: pl.DataFrame, posterior: pl.DataFrame | None
) -> pl.DataFrame:
    who = asked.group_by("item").agg(pl.col("annotator").n_unique().alias("asked"))
    waits = left.group_by("item").agg(pl.len().alias("pending"))
    late = left.select(
        "item", "annotator"
    )  # an old answer to what is asked again does not count until renewed
    votes = votes_of(said).join(late, on=["item", "annotator"], how="anti")
    outcomes = votes.group_by("item", "outcome").agg(pl.col("annotator").n_unique().alias("n"))
    tops = outcomes.group_by("item").agg(pl.col("n").sum().alias("votes"), pl.col("n").max().alias("top"))
    table = who.join(waits, on="item", how="left").join(tops, on="item", how="left").sort("item")
    table = table.with_columns(pl.col("pending", "votes", "top").fill_null(0).cast(pl.Int64))
    share = pl.when(pl.col("votes") > 0).then(pl.col("top") / pl.col("votes"))
    if posterior is None:
        return table.with_columns(share.alias("sure"))
    need_columns(posterior, ("item", "posterior"), "the posteriors")
    known = posterior.select("item", pl.col("posterior").cast(pl.Float64).alias("sure"))
    return table.join(known, on="item", how="left", maintain_order="left").with_columns(
        pl.col("sure").fill_nan(None).fill_null(share)
    )


def _fate(row: dict[str, Any], room: int, settings: Redundancy) -> tuple[str, int, str]:
    """Return status, number of further people, and why it goes to experts."""
    votes, waits = row["votes"], row["pending"]
    if waits:
        safe = votes >= settings.per_item and row["top"] / (votes + waits) >= settings.sure - _SLACK
        return ("early" if safe else "waiting"), 0, ""
    enough = votes >= settings.per_item and votes % 2 == 1
    if enough and row["sure"] >= settings.sure - _SLACK:
        return "done", 0, ""
    needs = settings.per_item - votes if votes < settings.per_item else 1 + votes % 2
    state = f"{row['top']} of {votes} votes agree after {row['asked']} people were asked"
    if row["asked"] + needs > settings.most:
        return "experts", 0, state
    if room < needs:
        return "experts", 0, f"{state}, and {room} more can be asked, not {needs}"
    return "more", needs, ""


def _sentence(items: pl.DataFrame, hidden: pl.DataFrame, settings: Redundancy) -> str:
    counts = {status: items.filter(pl.col("status") == status).height for status in _WORDS}
    told = ", ".join(f"{n} {_WORDS[status]}" for status, n in counts.items() if n)
    if not told:
        return "the batch has no items"
    further = int(items["needs"].sum())
    new = hidden["annotator"].n_unique()
    checks = (
        f", and {hidden.height} hidden check{'s' * (hidden.height != 1)} for {new} new to the batch"
        if new
        else ""
    )
    return (
        f"of {items.height} items {told}; {further} further answers{checks}; "
        f"done means {percent(settings.sure)} sure"
    )
