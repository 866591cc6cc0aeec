"""What a rule adds: the label model fitted again without it, and what becomes of the labels."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from weaklabel.explore.meanings import Bool, Meanings
from weaklabel.label_matrix import VotePatterns
from weaklabel.label_matrix.patterns import Events, event_patterns
from weaklabel.label_model import LabelModel
from weaklabel.stats import Estimate, paired_difference, undefined, wilson

Float = npt.NDArray[np.float64]
Int = npt.NDArray[np.int64]
FitModel = Callable[[VotePatterns], LabelModel]
"""Makes a label model and fits it to vote patterns."""


@dataclass(frozen=True)
class Contribution:
    """What the labels are with a rule and without it.

    Parameters
    ----------
    changed
        Rows whose label is another without the rule; of these `lost` have none then, `gained` have one only then, and
        the rest turn from one class to another.
    right
        Share of the gold rows with the right label: with the rule minus without it. A row without a label is not
        right.
    helps, harms
        Gold rows that have the right label only with the rule, and only without it.
    others_say
        Mean probability of the rule's votes under the model that has never seen it, on the rows on which others vote
        too: what the other rules think of it.
    others_rows
        Number of these rows.

    Examples
    --------
    >>> Contribution(3, 2, 0, undefined(), 0, 0, None, 0).changed
    3
    """

    changed: int
    lost: int
    gained: int
    right: Estimate
    helps: int
    harms: int
    others_say: float | None
    others_rows: int

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for JSON."""
        return {**vars(self), "right": self.right.to_dict()}


def contributions(
    patterns: VotePatterns,
    fit_model: FitModel,
    *,
    meanings: Meanings | None = None,
    gold: Int | None = None,
    model: LabelModel | None = None,
    tell: Callable[[str, int, int], None] | None = None,
) -> dict[str, Contribution]:
    """Fit the model again without each rule in turn, and compare.

    Parameters
    ----------
    patterns
        The votes of all rules; without gold they need not know their rows.
    fit_model
        Makes a label model and fits it.
    meanings
        What votes mean; None: every vote is for a class.
    gold
        (n,) class of the gold label of each row, -1 unknown.
    model
        The model fitted on all rules, where it is at hand.
    tell
        Told the progress: step, done, total.

    Returns
    -------
    Rule id -> what it adds. Where a model can't be fitted without a rule (one rule only), every label is lost.

    Examples
    --------
    >>> from weaklabel.label_matrix import as_patterns
    >>> from weaklabel.label_model import create
    >>> votes = as_patterns([[0, -1], [0, 0], [-1, -1]])
    >>> found = contributions(votes, lambda patterns: create("majority_vote", n_classes=2).fit(patterns))
    >>> [(id, one.changed, one.lost) for id, one in found.items()]
    [('0', 1, 1), ('1', 0, 0)]
    """
    fitted = model if model is not None else fit_model(patterns)
    before = fitted.predict(patterns)
    table = None if gold is None else patterns.gold_table(gold, n_classes=fitted.n_classes)
    given = _allowed(patterns, meanings, fitted.n_classes)
    found = {}
    for j, rule in enumerate(patterns.labelers):
        found[rule] = _without(patterns, j, fit_model, before, table, given)
        if tell:
            tell("rules are left out", j + 1, len(patterns.labelers))
    return found


def without_rule(patterns: VotePatterns, j: int) -> VotePatterns:
    """Return the patterns without the votes of one rule; `inverse` maps the given patterns to these.

    Examples
    --------
    >>> from weaklabel.label_matrix import as_patterns
    >>> smaller = without_rule(as_patterns([[0, 0], [0, 1]]), 1)
    >>> smaller.labelers, smaller.counts.tolist(), smaller.inverse.tolist()
    (('0',), [2], [0, 0])
    """
    keep = patterns.labeler_index != j
    rows = patterns.pattern_index[keep]
    who = patterns.labeler_index[keep]
    indptr = np.concatenate([[0], np.cumsum(np.bincount(rows, minlength=len(patterns)))]).astype(np.int64)
    events = Events(indptr, (who - (who > j)).astype(np.int32), patterns.codes[keep])
    labelers = (*patterns.labelers[:j], *patterns.labelers[j + 1 :])
    silence = np.delete(patterns.silence, j)
    return event_patterns(events, labelers, silence, patterns.counts, np.arange(len(patterns)))


def _without(
    patterns: VotePatterns, j: int, fit_model: FitModel, before: Int, gold: Int | None, allowed: Bool
) -> Contribution:
    mine = np.flatnonzero((patterns.labeler_index == j) & (patterns.codes >= 0))
    if len(patterns.labelers) == 1:
        after, others, rows = np.full(len(patterns), -1), None, 0
    else:
        smaller = without_rule(patterns, j)
        assert smaller.inverse is not None
        model = fit_model(smaller.without_rows())
        after = model.predict(smaller)[smaller.inverse]
        probabilities = model.predict_proba(smaller)[smaller.inverse]
        at = patterns.pattern_index[mine]
        heard = (smaller.n_votes > 0)[smaller.inverse][at]
        weight = patterns.counts[at] * heard
        rows = int(weight.sum())
        others = float(weight @ (probabilities[at] * allowed[mine]).sum(axis=1)) / rows if rows else None
    counts = patterns.counts
    turned = before != after
    lost, gained = turned & (after < 0), turned & (before < 0)
    return Contribution(
        changed=int(counts[turned].sum()),
        lost=int(counts[lost].sum()),
        gained=int(counts[gained].sum()),
        **_on_gold(before, after, gold),
        others_say=others,
        others_rows=rows,
    )


def _on_gold(before: Int, after: Int, gold: Int | None) -> dict[str, Any]:
    if gold is None or not gold.sum():
        return {"right": undefined(), "helps": 0, "harms": 0}
    with_it = np.where(before >= 0, gold[np.arange(len(before)), before], 0)
    without = np.where(after >= 0, gold[np.arange(len(after)), after], 0)
    turned = before != after
    helps, harms = int(with_it[turned].sum()), int(without[turned].sum())
    differences = np.zeros(int(gold.sum()))
    differences[:helps] = 1
    differences[helps : helps + harms] = -1
    return {"right": paired_difference(differences), "helps": helps, "harms": harms}


def model_accuracy(
    patterns: VotePatterns, probabilities: Float, meanings: Meanings | None = None
) -> dict[str, tuple[float | None, int]]:
    """Return, for each rule, the mean probability that the model gives to its votes, and the number of these.

    Examples
    --------
    >>> from weaklabel.label_matrix import as_patterns
    >>> patterns = as_patterns([[0, 1]])
    >>> model_accuracy(patterns, np.array([[0.75, 0.25]]))
    {'0': (0.75, 1), '1': (0.25, 1)}
    """
    voted = patterns.codes >= 0
    row, who = patterns.pattern_index[voted], patterns.labeler_index[voted]
    allowed = _allowed(patterns, meanings, probabilities.shape[1])[voted]
    weight = patterns.counts[row].astype(np.float64)
    m = len(patterns.labelers)
    total = np.bincount(who, weights=weight, minlength=m)
    right = np.bincount(who, weights=weight * (probabilities[row] * allowed).sum(axis=1), minlength=m)
    return {
        name: (float(right[j] / total[j]) if total[j] else None, int(total[j]))
        for j, name in enumerate(patterns.labelers)
    }


def gold_accuracy(
    patterns: VotePatterns, gold: Int | None, *, n_classes: int, meanings: Meanings | None = None
) -> dict[str, Estimate]:
    """Return, for each rule, the share of its votes on gold rows that are right, with Wilson's interval.

    Examples
    --------
    >>> from weaklabel.label_matrix import as_patterns
    >>> patterns = as_patterns([[0], [0], [-1]])
    >>> print(gold_accuracy(patterns, np.array([0, 1, 1]), n_classes=2)["0"])
    0.500 [0.095, 0.905] n=2
    """
    if gold is None:
        return {name: undefined() for name in patterns.labelers}
    table = patterns.gold_table(gold, n_classes=n_classes)
    voted = patterns.codes >= 0
    row, who = patterns.pattern_index[voted], patterns.labeler_index[voted]
    allowed = _allowed(patterns, meanings, n_classes)[voted]
    m = len(patterns.labelers)
    right = np.bincount(who, weights=(table[row] * allowed).sum(axis=1), minlength=m)
    total = np.bincount(who, weights=table.sum(axis=1)[row], minlength=m)
    return {name: wilson(right[j], total[j]) for j, name in enumerate(patterns.labelers)}


def _allowed(patterns: VotePatterns, meanings: Meanings | None, n_classes: int) -> Bool:
    """Return the classes that each event leaves possible, (events, k); none for an event that is no vote."""
    codes = patterns.codes if meanings is None else meanings.events(patterns)
    table = np.eye(n_classes, dtype=bool) if meanings is None else meanings.allows
    found: Bool = table[np.maximum(codes, 0)] & (codes >= 0)[:, None]
    return found
