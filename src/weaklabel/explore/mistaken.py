"""Rows on which a rule is wrong: by gold, or against a confident label model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from weaklabel.explore.look import Look, about
from weaklabel.explore.shown import Example, Matched
from weaklabel.explore.view import View
from weaklabel.label_matrix import LabelMatrix
from weaklabel.lf import LabelingFunction, LFRegistry
from weaklabel.stats import Estimate

Float = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Mistake:
    """One row on which a rule seems to be wrong.

    Parameters
    ----------
    row
        The row, with what the rule votes, its gold label, and the others' votes.
    by
        "gold" or "model".
    instead
        The label it should have by that.
    probability
        What the label model gives to `instead`; None: it was not asked.

    Examples
    --------
    >>> row = Example("m1", "ham", "spam", {}, "text", (), {})
    >>> Mistake(row, "gold", "spam", 0.7).instead
    'spam'
    """

    row: Example
    by: str
    instead: str
    probability: float | None


@dataclass(frozen=True, kw_only=True)
class Mistakes:
    """Where a rule is wrong; made by `mistakes`.

    Parameters
    ----------
    rule
        id, name, label, kind, where.
    votes
        Rows on which it votes.
    by_gold, by_model
        Number of rows on which it is wrong by gold, and of rows without gold on which the model is sure of another
        label.
    precision
        Share of its votes on gold rows that are right.
    threshold
        How sure the model has to be.
    instead
        Label it should have been -> number of these rows.
    terms
        What it matched on the rows looked at, and how often it was right and wrong there (by gold; without gold, by
        the model); most wrong first.
    terms_by
        "gold" or "model".
    rows
        Some of them: those by gold first, and those of which the model is most sure.
    notes
        What a reader should know, in sentences.

    Examples
    --------
    >>> import polars as pl
    >>> from weaklabel.explore.ballots import Ballots
    >>> from weaklabel.gold import load_gold
    >>> from weaklabel.lf import keywords
    >>> from weaklabel.schema import LabelSchema
    >>> schema = LabelSchema(["ham", "spam"])
    >>> registry = LFRegistry([keywords("asks", ["please"], label="ham")], schema=schema)
    >>> frame = pl.DataFrame({"id": ["a", "b"], "text": ["Please help", "Please buy"]})
    >>> gold = load_gold(pl.DataFrame({"id": ["a", "b"], "label": ["ham", "spam"]}), schema=schema)
    >>> view = View.of(frame, gold=gold)
    >>> found = mistakes("asks", registry, view, Ballots(view).cast(registry))
    >>> found.by_gold, [(wrong.row.id, wrong.instead) for wrong in found.rows]
    (1, [('b', 'spam')])
    """

    rule: Mapping[str, str]
    votes: int
    by_gold: int
    by_model: int
    precision: Estimate
    threshold: float
    instead: Mapping[str, int]
    terms: tuple[Matched, ...]
    terms_by: str
    rows: tuple[Mistake, ...]
    notes: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for JSON."""
        return asdict(self)


def mistakes(
    rule: LabelingFunction | str,
    registry: LFRegistry,
    view: View,
    votes: LabelMatrix,
    *,
    probabilities: Float | None = None,
    threshold: float = 0.9,
    most: int = 20,
) -> Mistakes:
    """Find the rows on which a rule is wrong.

    Parameters
    ----------
    rule
        The rule, or its id or name.
    registry, votes
        All rules and their votes on the view's rows.
    view
        The rows, with their gold.
    probabilities
        (n, k) of the label model; None: gold alone judges.
    threshold
        A row without gold counts when the model gives at least this to another label.
    most
        Most rows returned.

    Examples
    --------
    >>> import polars as pl
    >>> from weaklabel.explore.ballots import Ballots
    >>> from weaklabel.lf import keywords
    >>> from weaklabel.schema import LabelSchema
    >>> registry = LFRegistry([keywords("asks", ["please"], label="ham")], schema=LabelSchema(["ham", "spam"]))
    >>> view = View.of(pl.DataFrame({"id": ["a", "b"], "text": ["Please help", "Please buy"]}))
    >>> sure = np.array([[0.9, 0.1], [0.05, 0.95]])
    >>> found = mistakes("asks", registry, view, Ballots(view).cast(registry), probabilities=sure)
    >>> [(wrong.row.id, wrong.instead, wrong.by) for wrong in found.rows]
    [('b', 'spam', 'model')]
    """
    chosen = registry[rule] if isinstance(rule, str) else rule
    look = Look.of(chosen, registry, view, votes, most=most)
    hit, gold, n = look.hit, look.gold, len(look.own)
    wrong = hit & (gold >= 0) & ~look.right(gold)
    best, sure = np.full(n, -1), np.zeros(n)
    if probabilities is not None:
        best, sure = probabilities.argmax(axis=1), probabilities.max(axis=1)
    doubted = hit & (gold < 0) & (best >= 0) & ~look.right(best) & (sure >= threshold)
    instead = np.where(wrong, gold, best)
    given = np.zeros(n) if probabilities is None else probabilities[np.arange(n), np.maximum(instead, 0)]
    rows = np.flatnonzero(wrong | doubted)
    order = sorted(rows.tolist(), key=lambda i: (not wrong[i], -round(float(given[i]), 6), int(view.keys[i])))
    names = registry.schema.names
    counts = np.bincount(instead[rows], minlength=len(names))
    by_gold = bool((hit & (gold >= 0)).any())
    terms = look.matches(gold if by_gold else np.where(sure >= threshold, best, -1))[1]
    return Mistakes(
        rule=about(chosen),
        votes=int((hit & view.counted).sum()),
        by_gold=int(wrong.sum()),
        by_model=int(doubted.sum()),
        precision=look.precision(hit),
        threshold=threshold,
        instead={names[c]: int(counts[c]) for c in np.argsort(-counts, kind="stable") if counts[c]},
        terms=tuple(
            sorted((t for t in terms if t.right + t.wrong), key=lambda t: (-t.wrong, t.right, t.text))
        ),
        terms_by="gold" if by_gold else "model",
        rows=tuple(
            Mistake(
                look.example(i),
                "gold" if wrong[i] else "model",
                names[int(instead[i])],
                float(given[i]) if probabilities is not None else None,
            )
            for i in order[:most]
        ),
        notes=tuple(_notes(view, probabilities is None)),
    )


def _notes(view: View, gold_only: bool) -> list[str]:
    notes = []
    if view.gold is None and gold_only:
        notes.append("there is neither gold nor a label model: nothing can call a vote wrong")
    if view.sampled:
        notes.append(
            f"looked at {view.rows:,} of {view.total:,} rows, drawn by their hashed ids, and all gold rows"
        )
    return notes
