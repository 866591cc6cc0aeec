"""What people's answers to an item add up to, and which items are for an expert to settle."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from weaklabel.errors import GoldError, did_you_mean
from weaklabel.gold.agreeing.opinions import (
    HISTORY,
    history,
    known_labels,
    none_is_used,
    outcome_names,
    past_counts,
    posteriors,
    prepared,
    with_outcomes,
)
from weaklabel.gold.asking.outcomes import queued
from weaklabel.label_model.base import TIE
from weaklabel.schema import LabelSchema

__all__ = ["CONSENSUS", "HISTORY", "METHODS", "SAID", "STATUSES", "Consensus", "consensus", "history"]

METHODS = ("majority_vote", "dawid_skene")
STATUSES = ("settled", "none", "tie", "unsure", "even", "unanswered")
"""`settled` on a label; `none`: settled on none of the labels. For an expert: `tie`; `unsure`, the posterior is under
the floor; `even`, an even number of answers is left of more; `unanswered`, nobody named an outcome."""
DOUBTFUL = ("tie", "unsure", "even", "unanswered")
"""What an expert settles."""

SAID = pl.Struct(
    {
        "annotator": pl.String,
        "kind": pl.String,
        "labels": pl.List(pl.String),
        "counts": pl.Boolean,
        "comment": pl.String,
    }
)
"""One answer; `counts` is false for what is set aside and for what names no outcome (a skip, for instance)."""

CONSENSUS: dict[str, Any] = {
    "item": pl.String,
    "label": pl.String,
    "posterior": pl.Float64,
    "probabilities": pl.List(pl.Float64),
    "status": pl.String,
    "n_answers": pl.Int64,
    "left_out": pl.Int64,
    "known": pl.Boolean,
    "answers": pl.List(SAID),
}
"""Columns of `Consensus.frame`: the likeliest label (null: none of them, a tie, or no answer) and its posterior; the
probabilities of all outcomes, in the order of `Consensus.outcomes` (null: no answer); how many answers count and how
many don't, whether it is known from gold, and all answers side by side, by annotator."""

Float = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Consensus:
    """What answers add up to; made by `consensus`.

    Parameters
    ----------
    frame
        Columns of `CONSENSUS`, one row an item, sorted by item.
    outcomes
        What could be named: the labels in the schema's order, and null for none of them where somebody said so.
    method, floor
        How it was made.

    Examples
    --------
    >>> said = pl.DataFrame({"item": ["a", "a", "a", "b"], "annotator": ["ann", "bob", "cid", "ann"], "kind": "label",
    ...                      "labels": [["spam"], ["spam"], ["spam"], ["ham"]]})
    >>> found = consensus(said, schema=LabelSchema(["ham", "spam"]), method="majority_vote")
    >>> found.settled.rows(), found.sentence
    ([('a', 'spam'), ('b', 'ham')], '2 items: 2 settled')
    """

    frame: pl.DataFrame
    outcomes: tuple[str | None, ...]
    method: str
    floor: float

    @property
    def settled(self) -> pl.DataFrame:
        """Items and their labels: `item`, `label`, null where they are settled on none of the labels."""
        return self.frame.filter(~pl.col("status").is_in(DOUBTFUL)).select("item", "label")

    @property
    def counts(self) -> dict[str, int]:
        """Number of items of each status."""
        found = dict(self.frame.group_by("status").len().iter_rows())
        return {status: int(found.get(status, 0)) for status in STATUSES}

    @property
    def sentence(self) -> str:
        """The same in words."""
        items = self.frame.height
        parts = [f"{n} {_WORDS[status]}" for status, n in self.counts.items() if n]
        return f"{items} item{'s' * (items != 1)}" + (f": {', '.join(parts)}" if parts else "")

    def queue(self, *, batch: str | None = None, comments: bool = True) -> pl.DataFrame:
        """Return records of the experts' queue, sorted by item.

        Parameters
        ----------
        batch
            The batch that the answers are of.
        comments
            Whether items that are settled but have a comment or question go there, too.

        Examples
        --------
        >>> said = pl.DataFrame({"item": ["a", "a"], "annotator": ["ann", "bob"], "kind": "label",
        ...                      "labels": [["spam"], ["ham"]]})
        >>> found = consensus(said, schema=LabelSchema(["ham", "spam"]), method="majority_vote")
        >>> found.queue(batch="b1").rows()
        [('a', 'b1', 'a tie: 1 ham, 1 spam', 'open')]
        """
        rows = self.for_experts(comments=comments)
        return queued(rows["item"].to_list(), batch=batch, why=rows["why"].to_list())

    def for_experts(self, *, comments: bool = True) -> pl.DataFrame:
        """Return the items that an expert looks at: the columns of `CONSENSUS`, and `why`.

        Parameters
        ----------
        comments
            As in `queue`.
        """
        asked = pl.col("answers").list.eval(pl.element().struct.field("comment").is_not_null()).list.any()
        chosen = pl.col("status").is_in(DOUBTFUL) | (asked if comments else pl.lit(False))
        rows = self.frame.filter(chosen)
        why = [_why(row) for row in rows.iter_rows(named=True)]
        return rows.with_columns(pl.Series("why", why, dtype=pl.String))


def consensus(
    answers: pl.DataFrame,
    *,
    schema: LabelSchema,
    method: str = "dawid_skene",
    gold: pl.DataFrame | None = None,
    history: pl.DataFrame | None = None,
    floor: float = 0.8,
    quarantines: pl.DataFrame | None = None,
    label: str | None = None,
) -> Consensus:
    """Return what answers add up to, item by item.

    Only an answer of kind `label` with exactly one label, or of kind `none`, names an outcome; the others are shown
    but don't count. "None of these" is an outcome of its own, with a column in everybody's confusion matrix, where
    somebody gave it.

    Parameters
    ----------
    answers
        Current answers: `item`, `annotator`, `kind`, `labels`, one for each person and item; if there, `comment`,
        and `batch`, which `quarantines` needs.
    schema
        The labels.
    method
        `majority_vote`: the posterior is the share of the answers. `dawid_skene`: it is the mean of three opinions,
        see Notes.
    gold
        Items whose label is known: `item` (or `id`) and `label`, null for none of these, or `labels`, a list, empty
        for none of these. They are of that label throughout the fit, and settled. Those that nobody has answered
        are passed over.
    history
        Columns of `HISTORY`: how each person answered gold before, as prior counts of the confusion matrix. It
        should not count answers to items of `gold`, which would then count twice.
    floor
        The posterior from which on an item is settled.
    quarantines
        Records of kind quarantine: answers of a person's batch that is set aside are shown but don't count.
    label
        For a schema that is not exclusive: the label that is asked about; "none" is then "not this label".

    Raises
    ------
    GoldError
        Columns that are missing, a person with several answers to an item, an unknown method, a floor outside 0 to 1,
        gold or history that contradicts itself.
    SchemaError
        An unknown label, or a schema that is not exclusive without `label`.

    Notes
    -----
    The three opinions are Dawid and Skene's model without a prior, the same with its prior (`weaklabel.label_model`),
    and the share of the answers. The first is best where each person has given thousands of answers, the second where
    they gave few, and the third knows what the model doesn't: that some items are hard for everybody, so that it is
    never quite as sure as the model where people differ. An item on which the model overrules most people therefore
    stays under the usual floor and goes to an expert. experiments/crowd_consensus has the figures.

    Examples
    --------
    >>> people = {"ann": "spam", "bob": "spam", "cid": "ham"}
    >>> said = pl.DataFrame([("a", who, "label", [what]) for who, what in people.items()] + [("b", "ann", "skip", [])],
    ...                     schema=["item", "annotator", "kind", "labels"], orient="row")
    >>> found = consensus(said, schema=LabelSchema(["ham", "spam"]), method="majority_vote", floor=0.6)
    >>> found.frame.select("item", "label", "posterior", "status", "n_answers").rows()
    [('a', 'spam', 0.6666666666666666, 'settled', 3), ('b', None, None, 'unanswered', 0)]
    """
    _check_settings(method, floor, history)
    rows = with_outcomes(prepared(answers, quarantines), schema, label)
    names = outcome_names(schema, label)
    known = known_labels(gold, schema, names)
    past = past_counts(history, schema, names)
    if none_is_used(rows, known, past) or label is not None:
        names = [*names, None]
    votes = rows.filter("counts")
    items = rows["item"].unique().sort()
    posterior = posteriors(votes, items, names, known, past, method)
    said = _side_by_side(rows)
    frame = _frame(items, posterior, names, said, known, floor)
    return Consensus(frame, tuple(names), method, floor)


_WORDS = {
    "settled": "settled",
    "none": "settled on none of the labels",
    "tie": "tied",
    "unsure": "unsure",
    "even": "with an even number of answers left",
    "unanswered": "without an answer",
}


def _check_settings(method: str, floor: float, history: pl.DataFrame | None) -> None:
    if method not in METHODS:
        raise GoldError(f"unknown method {method!r}", available=METHODS, hint=did_you_mean(method, METHODS))
    if not 0 <= floor <= 1:
        raise GoldError(f"the floor of the posterior is 0 to 1, not {floor}")
    if history is not None and method == "majority_vote":
        raise GoldError("majority vote weighs nobody by a history", hint='method "dawid_skene" does')


def _side_by_side(rows: pl.DataFrame) -> pl.DataFrame:
    """Return each item's answers, by annotator, and how many count and how many don't."""
    fields = list(SAID.to_schema())
    return (
        rows.group_by("item", maintain_order=True)
        .agg(
            pl.struct(fields).alias("answers"),
            pl.col("counts").sum().cast(pl.Int64).alias("n_answers"),
            (~pl.col("counts")).sum().cast(pl.Int64).alias("left_out"),
        )
        .sort("item")
    )


def _frame(
    items: pl.Series,
    posterior: Float,
    names: list[str | None],
    said: pl.DataFrame,
    known: dict[str, str | None],
    floor: float,
) -> pl.DataFrame:
    rows: list[Any] = []
    for item, shares, n, left_out in zip(items, posterior, said["n_answers"], said["left_out"], strict=True):
        top = int(shares.argmax())
        best = float(shares[top])
        tied = int((shares >= best * (1 - TIE)).sum()) > 1
        if item in known:
            status = "settled" if known[item] is not None else "none"
        elif n == 0:
            status = "unanswered"
        elif n % 2 == 0 and left_out:
            status = "even"
        elif tied:
            status = "tie"
        elif best < floor:
            status = "unsure"
        else:
            status = "settled" if names[top] is not None else "none"
        label = None if (n == 0 and item not in known) or tied else names[top]
        value = None if status == "unanswered" else best
        each = None if value is None else shares.tolist()
        rows.append((item, label, value, each, status, n, left_out, item in known))
    kinds = {name: kind for name, kind in CONSENSUS.items() if name != "answers"}
    frame = pl.DataFrame(rows, schema=kinds, orient="row")
    return frame.with_columns(said["answers"].cast(CONSENSUS["answers"]))


def _why(row: Mapping[str, Any]) -> str:
    """Say why an expert looks at an item."""
    counts: dict[str, int] = {}
    for answer in row["answers"]:
        if answer["counts"]:
            name = ", ".join(answer["labels"]) if answer["kind"] == "label" else "none of the labels"
            counts[name] = counts.get(name, 0) + 1
    given = ", ".join(
        f"{n} {name}" for name, n in sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))
    )
    said = {
        "tie": f"a tie: {given}",
        "unsure": f"unsure: {given}",
        "even": f"{row['n_answers']} answers left, {row['left_out']} left out: {given}",
        "unanswered": "nobody named a label",
    }
    return said.get(row["status"], f"a comment or question: {given}")
