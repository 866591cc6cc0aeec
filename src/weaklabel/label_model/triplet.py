"""The triplet method: accuracies in closed form from how often pairs of rules agree.

D. Y. Fu, M. F. Chen, F. Sala, S. M. Hooper, K. Fatahalian and C. Ré, "Fast and three-rious: speeding up weak
supervision with triplet methods", International Conference on Machine Learning 2020, section 3 (FlyingSquid).
"""

from __future__ import annotations

import logging
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from weaklabel.errors import ModelError
from weaklabel.fingerprint import event_hash
from weaklabel.label_matrix import Alphabet, Sets, VotePatterns
from weaklabel.label_model.base import TIE, Float, Int, LabelModel, class_weights, soft_votes
from weaklabel.label_model.dawid_skene import FLOOR
from weaklabel.label_model.duplicates import duplicate_groups

logger = logging.getLogger("weaklabel.label_model")

FEWEST = 3
DEFAULT_CORRELATION = 0.6
"""Of a rule that no triplet says anything of: right on 80 % of its votes."""
LEAST, MOST = 0.01, 0.98
"""Bounds of a rule's correlation with the truth: every vote counts something, and none is certain."""
TABLE_BYTES = 2**28
AVERAGES = ("median", "mean")
VOTES = "votes"


class Triplet(LabelModel):
    """Learn each rule's accuracy from the agreement of pairs of rules, without a loop.

    Each class y is taken against the rest: a vote is l = +1 when it names y, else -1, and the truth Y likewise. On rows
    where rules i and j both vote, M_ij is the mean of l_i l_j. If rules err independently given the class, and as
    often on either side, M_ij = c_i c_j with c_i the mean of l_i Y, so that for any two others j and h

        |c_i| = sqrt(|M_ij M_ih / M_jh|).

    The median (or mean) over i's triplets is taken, rules are believed to be better than chance (c_i > 0), and c_i is
    kept between .01 and .98. A triplet with two rules that never vote together, or with M_jh = 0, says nothing and is
    left out; a rule without any other triplet gets c = .6. Where more than `triplets` pairs j, h are to be had, so
    many are drawn with `seed` from the ring of rules ordered by a hash of their ids.

    A vote for several classes is -1 for each class that it leaves out, and says nothing of those that it names.

    A vote then adds ± ln((1 + c_iy) / (1 - c_iy)) to the log odds of y, which start at the class balance; the
    classes' probabilities are scaled to sum to 1. Abstentions and missing answers add nothing. With two classes the
    two sides are one.

    Rules (silence -1) that vote alike in every row of the fit are one rule in the triplets, and g of them have 1/g
    of the weight each: copies agree always, which would pass for accuracy. Where all votes of a row name one class (or have one in common) and
    the class balance would overrule them, the row is scored by its votes alone.

    Rules that vote for one class only agree always or never, so their triplets show c = 1 whatever their accuracy.
    Fewer than three different rules make no triplet: all get c = .6, which is a majority vote with a prior; the log
    and `fallback_` say so. The time of a fit is linear in the pairs of votes that stand in one row, and in the
    number of classes; its memory in the square of the number of rules.

    Parameters
    ----------
    n_classes
        Number of classes.
    class_balance
        (k,) share of each class, or "votes": that of the majority vote, gold in its place where known. None: that of
        the gold labels, with one added per class, and without gold all classes alike, as in the authors' own code.
    average
        "median" or "mean" over triplets.
    triplets
        How many triplets are looked at for each rule, at most.
    seed
        Of their choice.

    Attributes
    ----------
    class_balance_
        (k,) see above.
    accuracy_
        (m, k) share of a rule's votes that are right about "this class or not": (1 + c) / 2.
    weights_
        (m,) 1, or 1/g for each of g rules that count as one.
    triplets_
        (m,) triplets that say something of the rule, in the class with fewest.
    fallback_
        Why the triplets were not used; empty when they were.

    Examples
    --------
    >>> import numpy as np
    >>> truth = np.arange(1000) % 2
    >>> wrong = np.array([[i % 5 == 0, i // 5 % 4 == 0, i // 20 % 10 == 0] for i in range(1000)])
    >>> model = Triplet(n_classes=2).fit(np.where(wrong, 1 - truth[:, None], truth[:, None]))
    >>> model.accuracy_[:, 1].round(2).tolist()  # the rules err on a fifth, a quarter and a tenth of the rows
    [0.8, 0.75, 0.9]
    """

    name = "triplet"
    EVENT_BYTES = 8
    OPTIONS: ClassVar[tuple[str, ...]] = ("class_balance", "average", "triplets", "seed")
    STATE: ClassVar[tuple[str, ...]] = ("class_balance_", "accuracy_", "weights_", "triplets_", "fallback_")

    accuracy_: Float
    weights_: Float
    triplets_: Int
    fallback_: str

    def __init__(
        self,
        *,
        n_classes: int,
        outcomes: Sets | None = None,
        class_balance: list[float] | str | None = None,
        average: str = "median",
        triplets: int = 1000,
        seed: int = 0,
    ) -> None:
        super().__init__(n_classes=n_classes, outcomes=outcomes)
        if average not in AVERAGES:
            raise ModelError(f"average={average!r} is unknown", available=AVERAGES)
        if triplets < 1 or int(triplets) != triplets:
            raise ModelError(f"triplets is a whole number from 1, not {triplets}")
        if seed < 0 or int(seed) != seed:
            raise ModelError(f"seed is a whole number from 0, not {seed}")
        free = class_balance is None or class_balance == VOTES
        self.class_balance = class_balance if free else _balance(class_balance, self.n_classes)
        self.average, self.triplets, self.seed = average, int(triplets), int(seed)

    def _fit(self, patterns: VotePatterns, gold: Float | None) -> None:
        m, k = len(patterns.labelers), self.n_classes
        weights, slots = np.ones(m), np.arange(m)
        for group in duplicate_groups(patterns):
            weights[list(group)] = 1 / len(group)
            slots[list(group)] = group[0]
        chosen, place = np.unique(
            slots, return_inverse=True
        )  # one rule of each group, and whom it stands for
        correlation = np.full((len(chosen), k), DEFAULT_CORRELATION)
        usable = np.zeros(len(chosen), np.int64)
        self.fallback_ = ""
        if len(chosen) < FEWEST:
            self.fallback_ = (
                f"{len(chosen)} different rules make no triplet; each is taken to be right on 80 %"
            )
            logger.warning("triplet: %s", self.fallback_)
        else:
            correlation, usable = self._correlations(patterns, chosen)
        self.class_balance_ = self._class_balance(patterns, weights, gold)
        self.accuracy_, self.weights_ = (1 + correlation[place]) / 2, weights
        self.triplets_ = usable[place]

    def _class_balance(self, patterns: VotePatterns, weights: Float, gold: Float | None) -> Float:
        if isinstance(self.class_balance, list):
            return np.array(self.class_balance)
        rows = np.zeros((1, self.n_classes)) if gold is None else gold
        if self.class_balance == VOTES:
            rows = class_weights(patterns, soft_votes(patterns, self.alphabet, weights), gold)
        return np.asarray((rows.sum(axis=0) + 1) / (rows.sum() + self.n_classes))

    def _fit_bytes(self, patterns: VotePatterns) -> int:
        m, k = len(patterns.labelers), self.n_classes
        held = max(1, min(1 if k == 2 else k, TABLE_BYTES // (8 * m * m)))
        pairs = 8 * m * m * (held + 4) + 48 * m * min(self.triplets, m * m // 2)
        shares = self.CELL_BYTES * k * len(patterns) if self.class_balance != VOTES else 0  # not made then
        return super()._fit_bytes(patterns) + pairs - shares

    def _correlations(self, patterns: VotePatterns, chosen: Int) -> tuple[Float, Int]:
        """Return c (rules, k) of the chosen rules, and how many triplets say something of each."""
        from weaklabel.kernels.em import signed_pairs
        from weaklabel.kernels.votes import pair_counts

        m, k = len(chosen), self.n_classes
        ring = np.argsort(
            np.array([event_hash(patterns.labelers[j], 0) for j in chosen], np.uint64), kind="stable"
        )
        slots = np.full(len(patterns.labelers), -1, np.int32)
        slots[chosen[ring]] = np.arange(m)
        of_events = slots[patterns.labeler_index]
        pairs = self._pairs(m)
        out, usable = np.empty((m, k)), np.full(m, np.iinfo(np.int64).max)
        step = max(1, TABLE_BYTES // (8 * m * m))
        classes = 1 if k == 2 else k  # two classes mirror each other
        for first in range(0, classes, step):
            last = min(first + step, classes)
            events = patterns.indptr, of_events, patterns.codes, patterns.counts, m
            if self.alphabet.sets:
                each, one = signed_pairs(*events, self._signs(), first, last)
            else:
                both, one = pair_counts(*events, first, last)
                each = np.broadcast_to(both, one.shape)
            for y in range(first, last):
                out[ring, y], found = _closed_form(each[y - first], one[y - first], pairs, self.average)
                usable[ring] = np.minimum(usable[ring], found)
        if k == 2:
            out[:, 1] = out[:, 0]
        return out, usable

    def _signs(self) -> npt.NDArray[np.int8]:
        """Return whether each code speaks for a class, 1, against it, -1, or says nothing of it, (codes, k)."""
        members = self.alphabet.members
        alone = members.sum(axis=1, keepdims=True) == 1
        return np.where(members, np.where(alone, 1, 0), -1).astype(np.int8)

    def _pairs(self, m: int) -> tuple[Int, Int]:
        """Return the steps on the ring from a rule to the two others of its triplets."""
        near, far = np.triu_indices(m - 1, 1)
        if len(near) > self.triplets:
            drawn = np.random.default_rng(self.seed).choice(len(near), self.triplets, replace=False)
            near, far = near[drawn], far[drawn]
        return near + 1, far + 1

    def _posterior(self, patterns: VotePatterns, where: Int) -> Float:
        k = self.n_classes
        sums = self._sums(patterns, where)
        answers = _scaled(sums + _logit(self.class_balance_))
        overruled = _overruled(patterns, answers, self.alphabet)
        answers[overruled] = _scaled(sums[overruled] + _logit(np.full(k, 1 / k)))
        return answers

    def _evidence(self, row: VotePatterns, where: Int) -> tuple[Float, Float] | None:
        if self.n_classes > 2:
            return None
        answers = _scaled(self._sums(row, where) + _logit(self.class_balance_))
        alone = len(_overruled(row, answers, self.alphabet)) > 0
        half = 0.5 * self._vote_logs(where)[:, 0]
        table = np.zeros((len(where), 4, 2))
        table[:, 2:] = half[:, None, None] * np.array([[1.0, -1.0], [-1.0, 1.0]])
        return (np.zeros(2) if alone else np.log(np.maximum(self.class_balance_, FLOOR))), table

    def _vote_logs(self, where: Int) -> Float:
        """Return what a vote adds to the log odds of a class that it names, or takes from another, (m, k)."""
        accuracy = self.accuracy_[where]
        return self.weights_[where][:, None] * np.log(accuracy / (1 - accuracy))

    def _sums(self, patterns: VotePatterns, where: Int) -> Float:
        """Return what the votes of each pattern add to the log odds of each class, (u, k)."""
        logs = self._vote_logs(where)
        voted = patterns.codes >= 0
        rows, who, what = patterns.pattern_index[voted], patterns.labeler_index[voted], patterns.codes[voted]
        signs = self._signs()
        signed = [signs[what, y] * logs[who, y] for y in range(self.n_classes)]
        return np.stack([np.bincount(rows, weights=w, minlength=len(patterns)) for w in signed], axis=1)


def _closed_form(
    both: npt.NDArray[np.int64], one: npt.NDArray[np.int64], pairs: tuple[Int, Int], average: str
) -> tuple[Float, Int]:
    """Return c of each rule of the ring, and how many triplets say something of it."""
    m = len(both)
    moments = np.where(both > 0, 1 - 2 * one / np.maximum(both, 1), np.nan)
    here = np.arange(m)
    near, far = (here[None, :] + pairs[0][:, None]) % m, (here[None, :] + pairs[1][:, None]) % m
    others = moments[near, far]
    others[others == 0] = np.nan
    found = np.sqrt(np.abs(moments[here, near] * moments[here, far] / others))
    found = np.clip(found, 0, 1)
    usable = np.isfinite(found).sum(axis=0)
    known = usable > 0
    out = np.full(m, DEFAULT_CORRELATION)
    out[known] = (np.nanmedian if average == "median" else np.nanmean)(found[:, known], axis=0)
    return np.clip(out, LEAST, MOST), usable


def _logit(balance: Float) -> Float:
    return np.log(np.maximum(balance, FLOOR)) - np.log(np.maximum(1 - balance, FLOOR))


def _scaled(log_odds: Float) -> Float:
    """Return the probabilities (u, k) that log odds stand for, scaled to sum to 1."""
    logs = -np.logaddexp(0, -log_odds)
    shares = np.exp(logs - logs.max(axis=1, keepdims=True))
    return np.asarray(shares / shares.sum(axis=1, keepdims=True))


def _overruled(patterns: VotePatterns, answers: Float, alphabet: Alphabet) -> Int:
    """Return the patterns whose votes leave one class in common, and another one wins or ties."""
    voted = patterns.codes >= 0
    rows, codes = patterns.pattern_index[voted], patterns.codes[voted].astype(np.int64)
    left = np.ones(answers.shape, bool)
    np.logical_and.at(left, rows, alphabet.members[codes])
    alike = np.flatnonzero((left.sum(axis=1) == 1) & (patterns.n_votes > 0))
    named = left[alike].argmax(axis=1)
    own = answers[alike, named]
    others = answers[alike]
    others[np.arange(len(alike)), named] = -1.0
    return alike[own <= others.max(axis=1) * (1 + TIE)]


def _balance(given: Any, n_classes: int) -> list[float]:
    try:
        balance = np.asarray(given, np.float64)
    except (TypeError, ValueError) as error:
        what = f"class_balance is a list of {n_classes} shares or {VOTES!r}, not {given!r}"
        raise ModelError(what) from error
    good = balance.shape == (n_classes,) and bool((balance >= 0).all())
    if not good or not abs(balance.sum() - 1) < 1e-6:
        raise ModelError(f"class_balance is {n_classes} shares that sum to 1, not {given!r}")
    return [float(share) for share in balance]
