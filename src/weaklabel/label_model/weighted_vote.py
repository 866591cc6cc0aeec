"""Weighted vote: every labeler's votes count as much as its weight, which is given or learned in closed form."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np

from weaklabel.errors import ModelError, did_you_mean
from weaklabel.label_matrix import Alphabet, Sets, VotePatterns
from weaklabel.label_model.base import Float, Int, LabelModel, class_weights, soft_votes
from weaklabel.label_model.duplicates import duplicate_groups

MARGIN = 0.01
"""A learned accuracy lies at least this far from chance and from certainty."""


class WeightedVote(LabelModel):
    """A row's probabilities are its classes' shares of the votes' weights; equal shares are a tie.

    With equal weights this is the majority vote. Weights come from one of three places:

    * Given (`weights`): used as they are; a labeler that the mapping doesn't name counts 1. A row on which only
      labelers of weight 0 vote is a tie of all classes.
    * Learned from agreement. Labeler j's agreement A_j is the mean, over its votes on rows where others vote too, of
      the share of the others' votes that name the same class. Its accuracy is taken to be
      a_j = (n_j A_j + s p) / (n_j + s), with n_j such votes, s = `smoothing` and p = `prior_accuracy`; its weight is
      ln((k - 1) a_j / (1 - a_j)). That is the weight of the best weighted vote among independent labelers who are
      right with probability a_j and err to every other class alike: for two classes S. Nitzan and J. Paroush,
      "Optimal decision rules in uncertain dichotomous choice situations", International Economic Review 23(2),
      1982, pages 289 to 297. Since the others err as well, A_j understates the accuracy of good labelers.
    * Learned from gold, where `fit` is given some: of g_j votes on rows with gold r_j are right, and
      (r_j + s a_j) / (g_j + s) replaces a_j.

    A vote for a set of classes is spread evenly over them. In learning, a vote agrees with another in so far as that one
    lies inside what it names, and is right where the gold class is. A set is hit by chance more often than a class: with s
    of k classes a share x counts as the share 1/k + (1 - 1/k)(x - s/k)/(1 - s/k) that a vote for one class would have.

    Learned accuracies are kept .01 away from chance, 1/k, and from 1, so that every vote counts something and none
    counts without bound. Rules (silence -1) that vote alike in every row of the fit count as one: they are not
    among each other's others, and g of them have 1/g of the weight each. Weights that are given are left alone.

    Abstentions and missing answers count nothing. `class_balance_` is the mean share over the rows with votes, gold
    in its place where known, with one row added per class.

    Parameters
    ----------
    n_classes
        Number of classes.
    weights
        Labeler id -> weight, 0 or more. None: learned.
    smoothing
        What the prior is worth, in votes.
    prior_accuracy
        Between 1/k and 1.

    Attributes
    ----------
    weights_
        (m,) what a vote of each labeler counts.
    accuracy_
        (m,) a_j; NaN where weights are given.
    class_balance_
        (k,) see above.

    Raises
    ------
    ModelError
        Options that make no sense; from `fit`, weights of labelers that don't vote here.

    Examples
    --------
    >>> votes = [[0, 0, 1], [1, 1, 1], [0, 0, -1], [1, 1, 0]]
    >>> WeightedVote(n_classes=2, weights={"0": 3, "1": 1}).fit(votes).predict_proba(votes[:1]).tolist()
    [[0.8, 0.2]]
    >>> WeightedVote(n_classes=2).fit(votes).accuracy_.round(2).tolist()  # the first two count as one
    [0.62, 0.62, 0.62]
    """

    name = "weighted_vote"
    OPTIONS: ClassVar[tuple[str, ...]] = ("weights", "smoothing", "prior_accuracy")
    STATE: ClassVar[tuple[str, ...]] = ("class_balance_", "weights_", "accuracy_")
    SCALE = "share"
    EVENT_BYTES = 100

    weights_: Float
    accuracy_: Float

    def __init__(
        self,
        *,
        n_classes: int,
        outcomes: Sets | None = None,
        weights: Mapping[str, float] | None = None,
        smoothing: float = 10.0,
        prior_accuracy: float = 0.7,
    ) -> None:
        super().__init__(n_classes=n_classes, outcomes=outcomes)
        self.weights = None if weights is None else _checked(weights)
        if not 0 < smoothing < np.inf:
            raise ModelError(f"smoothing is more than 0, not {smoothing}")
        if not 1 / self.n_classes <= prior_accuracy < 1:
            raise ModelError(f"prior_accuracy is {1 / self.n_classes:.3g} to below 1, not {prior_accuracy}")
        self.smoothing, self.prior_accuracy = float(smoothing), float(prior_accuracy)

    def _fit(self, patterns: VotePatterns, gold: Float | None) -> None:
        if self.weights is None:
            self.accuracy_, self.weights_ = self._learned(patterns, gold)
        else:
            self.accuracy_ = np.full(len(patterns.labelers), np.nan)
            self.weights_ = _given(self.weights, patterns.labelers)
        rows = class_weights(patterns, soft_votes(patterns, self.alphabet, self.weights_), gold)
        self.class_balance_ = (rows.sum(axis=0) + 1) / (rows.sum() + self.n_classes)

    def _learned(self, patterns: VotePatterns, gold: Float | None) -> tuple[Float, Float]:
        """Return accuracies and weights (m,)."""
        m, k = len(patterns.labelers), self.n_classes
        members = np.ones(m)
        for group in duplicate_groups(patterns):
            members[list(group)] = len(group)
        voted = patterns.codes >= 0
        who, what = patterns.labeler_index[voted].astype(np.int64), patterns.codes[voted].astype(np.int64)
        where = patterns.pattern_index[voted]
        size = len(self.alphabet)
        counts = np.bincount(where * size + what, weights=1 / members[who], minlength=len(patterns) * size)
        votes = counts.astype(np.float64).reshape(-1, size)
        own, own_total = _own(who, what, where, m, size)
        others = votes.sum(axis=1)[where] - own_total
        if self.alphabet.sets:
            same = _same(who, what, where, votes, self.alphabet)
        else:
            same = votes[where, what] - own
        heard = others > 0.5  # the others' votes count 1/g each, and all g of a group vote: whole numbers
        rows = np.where(heard, patterns.counts[where], 0).astype(np.float64)
        agreement = self._beyond_chance(same / np.where(heard, others, 1), what)
        agreed = np.bincount(who, weights=rows * agreement, minlength=m)
        heard_votes = np.bincount(who, weights=rows, minlength=m)
        accuracy = (agreed + self.smoothing * self.prior_accuracy) / (heard_votes + self.smoothing)
        if gold is not None:
            hits = self._right(gold, where, what)
            right = np.bincount(who, weights=hits, minlength=m)
            checked = np.bincount(who, weights=gold.sum(axis=1)[where], minlength=m)
            accuracy = (right + self.smoothing * accuracy) / (checked + self.smoothing)
        accuracy = np.clip(accuracy, 1 / k + MARGIN, 1 - MARGIN)
        return accuracy, np.log((k - 1) * accuracy / (1 - accuracy)) / members

    def _right(self, gold: Float, where: Int, what: Int) -> Float:
        """Return the gold rows on which each vote is right; of a set, what an equally good vote for a class would have."""
        if not self.alphabet.sets:
            hits: Float = gold[where, what]
            return hits
        total = gold.sum(axis=1)[where]
        inside = (gold[where] * self.alphabet.members[what]).sum(axis=1)
        part = np.divide(inside, total, out=np.zeros(len(what)), where=total > 0)
        return self._beyond_chance(part, what) * total

    def _beyond_chance(self, share: Float, what: Int) -> Float:
        """Return the share that a vote for one class would have, were it as far above chance as a vote for a set."""
        if not self.alphabet.sets:
            return share
        k = self.n_classes
        chance = self.alphabet.members.sum(axis=1)[what] / k
        alike = 1 / k + (1 - 1 / k) * (share - chance) / (1 - chance)
        return np.where(what < k, share, alike)

    def _posterior(self, patterns: VotePatterns, where: Int) -> Float:
        shares = np.array(soft_votes(patterns, self.alphabet, self.weights_[where]))
        shares[shares.sum(axis=1) == 0] = 1 / self.n_classes
        return shares

    def _evidence(self, row: VotePatterns, where: Int) -> tuple[Float, Float]:
        k = self.n_classes
        table = np.zeros((len(where), len(self.alphabet) + 2, k))
        table[:, 2:] = self.weights_[where][:, None, None] * self.alphabet.shares
        return np.zeros(k), table


def _same(who: Int, what: Int, where: Int, votes: Float, alphabet: Alphabet) -> Float:
    """Return how much of the others' votes lies inside what each vote names; a set's vote is spread over its classes."""
    m = int(who.max(initial=0)) + 1
    _, group = np.unique(where * m + who, return_inverse=True)
    mine = np.zeros((int(group.max(initial=-1)) + 1, len(alphabet)))
    np.add.at(mine, (group, what), 1.0)
    theirs = alphabet.spread(votes)[where] - alphabet.spread(mine)[group]
    same: Float = (theirs * alphabet.members[what]).sum(axis=1)
    return same


def _own(who: Int, what: Int, where: Int, m: int, k: int) -> tuple[Float, Float]:
    """Return, per vote, how often its labeler said the same in the row, and how often it voted there at all.

    Rules that count as one hold the weight 1 together, whatever their number, so this is their share as well.
    """
    rows = where * m + who
    if not (rows[1:] == rows[:-1]).any():  # events stand in the order of rows and labelers
        return np.ones(len(who)), np.ones(len(who))
    _, place, times = np.unique(rows * k + what, return_inverse=True, return_counts=True)
    same = times[place].astype(np.float64)
    _, place, times = np.unique(rows, return_inverse=True, return_counts=True)
    return same, times[place].astype(np.float64)


def _checked(weights: Mapping[str, float]) -> dict[str, float]:
    if not isinstance(weights, Mapping):
        raise ModelError(
            f"weights are a mapping labeler: weight, not {weights!r}", hint="{rule_a: 2, rule_b: 0.5}"
        )
    for name, weight in weights.items():
        number = isinstance(weight, (int, float, np.number)) and not isinstance(weight, bool)
        if not number or not 0 <= weight < np.inf:
            raise ModelError(f"the weight of {str(name)!r} is {weight!r}; a weight is a number, 0 or more")
    return {str(name): float(weight) for name, weight in weights.items()}


def _given(weights: Mapping[str, float], labelers: tuple[str, ...]) -> Float:
    for name in weights:
        if name not in labelers:
            hint = did_you_mean(name, labelers)
            raise ModelError(
                f"a weight for {name!r}, which is no labeler here", available=labelers, hint=hint
            )
    return np.array([weights.get(name, 1.0) for name in labelers])
