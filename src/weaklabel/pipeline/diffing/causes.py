"""Why labels flip: for each pair of vote patterns the smallest set of rules whose votes or weights make the difference.

A set of rules explains a flip when the row, as it is on the first side but with the votes and weights that these rules
have on the second, gets the answer of the second side. Sets of one rule are all tried; sets of two all where that takes
few answers, else the most promising by the sum of what each does alone (which is exact where a model's score is a sum);
then rules are added by what each does alone, and those that are not needed are taken out again. Among sets of one size
those go first whose rules were edited or vote otherwise on the row: a fit moves the weights of all rules a little. Every
set is checked by asking the models.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from itertools import combinations
from typing import Any

import numpy as np

from weaklabel.pipeline.diffing.mixed import Mixed
from weaklabel.pipeline.diffing.outcomes import (
    BOTH,
    ELSE,
    PARTS,
    RULES,
    SETTINGS,
    TINY,
    Bool,
    Cause,
    Flips,
    Float,
    Int64,
    nearness,
    outcomes,
)

TWOS = 200_000
"""All sets of two rules are tried where these are no more rows of votes than this for a block of pairs."""
TRIED = 6
"""Otherwise so many of them, the most promising, are tried for each pair of patterns."""
STRONGEST = 8
"""And so many rules for each class are looked at for them."""
BLOCK = 400_000
"""Rows of votes, about, that are asked for at once."""


def causes(
    mixed: Mixed,
    flips: Flips,
    thresholds: tuple[float | None, float | None],
    *,
    edited: Collection[str] = (),
) -> list[Cause]:
    """Return why each pair of patterns flips.

    Parameters
    ----------
    mixed
        The models of both sides.
    flips
        The pairs.
    thresholds
        Of both sides.
    edited
        Rules that are new, gone or edited.

    Examples
    --------
    >>> from weaklabel.label_matrix import LabelMatrix
    >>> from weaklabel.label_model import create
    >>> votes = LabelMatrix.from_numpy([[0, 1, 0]], labelers=["a", "b", "c"])
    >>> one = create("weighted_vote", n_classes=2, weights={"a": 2.0}).fit(votes)
    >>> two = create("weighted_vote", n_classes=2, weights={"b": 9.0}).fit(votes)
    >>> row = np.array([[0, 1, -1]], np.int8)
    >>> causes(Mixed(one, two), Flips(row, row, np.array([0]), np.array([1])), (None, None))
    [Cause(kind='rules', rules=('b',), voted=(False,), parts=())]
    """
    found: list[Cause] = []
    step = max(1, BLOCK // max(len(mixed.rules), 1))
    for start in range(0, len(flips), step):
        found += _Search(mixed, flips.take(slice(start, start + step)), thresholds, edited).found()
    return found


class _Search:
    """The search for the causes of some pairs."""

    def __init__(
        self,
        mixed: Mixed,
        flips: Flips,
        thresholds: tuple[float | None, float | None],
        edited: Collection[str],
    ) -> None:
        self.mixed, self.flips, self.thresholds = mixed, flips, thresholds
        u, m = len(flips), len(mixed.rules)
        self.causes: list[Cause | None] = [None] * u
        one, two = np.full((u, m), -1, np.int8), np.full((u, m), -1, np.int8)
        one[:, mixed.in_first], two[:, mixed.in_second] = flips.before, flips.after
        self.voted: Bool = one != two
        self.candidates: Bool = self.voted | mixed.weights_differ[None, :]
        touched = np.array([rule in edited for rule in mixed.rules], bool)
        self.first: Bool = self.candidates & (self.voted | touched)
        self.settings = [part for part in PARTS if self._differs(part)]

    def found(self) -> list[Cause]:
        self._check_both_ends()
        self.alone = np.repeat(self.shares[:, None, :], len(self.mixed.rules), axis=1)
        self.alone_heard = np.repeat(self.heard[:, None], len(self.mixed.rules), axis=1)
        self._ones(self.first)
        self._ones(self.candidates & ~self.first)
        self._twos()
        self._settings()
        self._many()
        self._rest()
        return [cause or Cause(BOTH) for cause in self.causes]

    @property
    def open(self) -> Int64:
        return np.array([i for i, cause in enumerate(self.causes) if cause is None], np.int64)

    def _ask(
        self, chosen: Bool, at: Int64, *, model: Any = None, second: bool = False
    ) -> tuple[Bool, Float, Float, Int64]:
        """Return whether rows get what the second side gives, how near they are, shares, and numbers of votes."""
        threshold = self.thresholds[1 if second else 0]
        flips = self.flips
        shares, labels, heard = self.mixed.answers(flips.before, flips.after, chosen, at, model=model)
        right = outcomes(shares, labels, heard, threshold) == flips.new[at]
        return right, nearness(shares, heard, flips.new[at], threshold), shares, heard

    def _check_both_ends(self) -> None:
        """Set aside rows whose recorded answers are not those of the models."""
        flips, at = self.flips, np.arange(len(self.flips))
        none = np.zeros((len(flips), len(self.mixed.rules)), bool)
        shares, labels, heard = self.mixed.answers(flips.before, flips.after, none, at)
        self.shares, self.heard = shares, heard
        begins = outcomes(shares, labels, heard, self.thresholds[0]) == flips.old
        ends = self._ask(~none, at, model=self.mixed.with_second("prior", "calibration"), second=True)[0]
        for i in np.flatnonzero(~(begins & ends)):
            self.causes[i] = Cause(ELSE)

    def _ones(self, tried: Bool) -> None:
        """Try rules alone; remember what each does."""
        m, k = len(self.mixed.rules), self.shares.shape[1]
        rest = self.open
        row, rule = np.nonzero(tried[rest])
        at = rest[row]
        right, near, shares, heard = self._ask(np.arange(m) == rule[:, None], at)
        self.alone[at, rule], self.alone_heard[at, rule] = shares.reshape(-1, k), heard
        order = np.lexsort((-near, ~self.voted[at, rule], at))
        for e in order[right[order]].tolist():
            self._settle(at[e], [rule[e]])

    def _twos(self) -> None:
        """Try sets of two, those first of which both were edited or vote otherwise."""
        rest = self.open
        self._try_twos(rest, [_pairs_of(np.flatnonzero(self.first[i])) for i in rest.tolist()])
        rest = self.open
        counts = self.candidates[rest].sum(axis=1)
        every = int((counts * (counts - 1) // 2).sum()) <= TWOS
        rules = [np.flatnonzero(self.candidates[i]) for i in rest.tolist()]
        likely = [
            _pairs_of(some) if every else self._likely_twos(i, some)
            for i, some in zip(rest.tolist(), rules, strict=True)
        ]
        self._try_twos(rest, likely)

    def _try_twos(self, rest: Int64, chosen: list[Int64]) -> None:
        sizes = np.array([len(some) for some in chosen], np.int64)
        if not sizes.sum():
            return
        at, two = np.repeat(rest, sizes), np.concatenate(chosen)
        which = np.zeros((len(at), len(self.mixed.rules)), bool)
        which[np.arange(len(at))[:, None], two] = True
        right, near, _, _ = self._ask(which, at)
        others = (~self.first[at[:, None], two]).sum(axis=1)
        unmoved = (~self.voted[at[:, None], two]).sum(axis=1)
        order = np.lexsort((-near, unmoved, others, at))
        for e in order[right[order]].tolist():
            self._settle(at[e], two[e].tolist())

    def _likely_twos(self, i: int, rules: Int64) -> Int64:
        """Return the sets of two that are nearest to the target if what rules do alone adds up."""
        logs = np.log(np.maximum(self.alone[i, rules], TINY))
        heard = self.alone_heard[i, rules]
        best = _strongest(logs, self._near(np.exp(logs), heard, i), int(self.flips.new[i]))
        rules, logs, heard = rules[best], logs[best], heard[best]
        base = np.log(np.maximum(self.shares[i], TINY))
        one, two = np.triu_indices(len(rules), 1)
        sums = logs[one] + logs[two] - base
        sums = np.exp(sums - sums.max(axis=1, keepdims=True))
        near = self._near(sums / sums.sum(axis=1, keepdims=True), heard[one] + heard[two] - self.heard[i], i)
        kept = np.argsort(-near, kind="stable")[:TRIED]
        return np.stack([rules[one[kept]], rules[two[kept]]], axis=1)

    def _near(self, shares: Float, heard: Int64, i: int) -> Float:
        return nearness(shares, heard, np.full(len(heard), self.flips.new[i]), self.thresholds[0])

    def _settings(self) -> None:
        """Try the settings of the second side with all rules as they are on the first."""
        for parts in _combinations(self.settings):
            rest = self.open
            if not len(rest):
                return
            none = np.zeros((len(rest), len(self.mixed.rules)), bool)
            model = self.mixed.with_second(*parts)
            right = self._ask(none, rest, model=model, second="threshold" in parts)[0]
            for i in rest[right].tolist():
                self.causes[i] = Cause(SETTINGS, parts=parts)

    def _many(self) -> None:
        """Add rules by what each does alone until the answer is that of the second side."""
        m = len(self.mixed.rules)
        sizes = [n for n in (*range(3, 13), 16, 24, 32, 48, 64, 96, 128, 192, 256) if n < m] + [m]
        rest = self.open
        if not len(rest):
            return
        order = self._by_gain(rest)
        for size in sizes:
            left = np.flatnonzero([self.causes[i] is None for i in rest])
            if not len(left):
                return
            which = np.zeros((len(left), m), bool)
            np.put_along_axis(which, order[left][:, :size], True, axis=1)
            which &= self.candidates[rest[left]]
            right = self._ask(which, rest[left])[0]
            solved = left[right]
            self._prune(rest[solved], which[right], order[solved, :size])

    def _by_gain(self, rest: Int64) -> Int64:
        """Return the rules of each pair, those first that alone bring it nearest to the target."""
        u, m, k = len(rest), self.alone.shape[1], self.alone.shape[2]
        target = np.repeat(self.flips.new[rest], m)
        near = nearness(
            self.alone[rest].reshape(-1, k), self.alone_heard[rest].ravel(), target, self.thresholds[0]
        ).reshape(u, m)
        near = np.where(self.candidates[rest], near, -np.inf)
        return np.argsort(-near, axis=1, kind="stable")

    def _prune(self, at: Int64, which: Bool, order: Int64) -> None:
        """Take out what is not needed, that which does least first."""
        for place in range(order.shape[1] - 1, -1, -1):
            rule = order[:, place]
            some = np.flatnonzero(which[np.arange(len(at)), rule] & (which.sum(axis=1) > 1))
            if not len(some):
                continue
            less = which[some].copy()
            less[np.arange(len(some)), rule[some]] = False
            right = self._ask(less, at[some])[0]
            which[some[right]] = less[right]
        for i, row, ranks in zip(at.tolist(), which, order, strict=True):
            self._settle(i, [j for j in ranks.tolist() if row[j]])

    def _rest(self) -> None:
        """All rules together are not enough: say with which settings they are."""
        for parts in _combinations(self.settings):
            rest = self.open
            if not len(rest):
                return
            every = np.ones((len(rest), len(self.mixed.rules)), bool)
            model = self.mixed.with_second(*parts)
            right = self._ask(every, rest, model=model, second="threshold" in parts)[0]
            for i in rest[right].tolist():
                self.causes[i] = Cause(BOTH, parts=parts)

    def _differs(self, part: str) -> bool:
        return self.thresholds[0] != self.thresholds[1] if part == "threshold" else self.mixed.differ(part)

    def _settle(self, i: int, rules: Sequence[int]) -> None:
        if self.causes[i] is None:
            voted = tuple(bool(self.voted[i, j]) for j in rules)
            self.causes[i] = Cause(RULES, tuple(self.mixed.rules[j] for j in rules), voted)


def _combinations(parts: Sequence[str]) -> list[tuple[str, ...]]:
    """Return all sets of parts, the small ones first."""
    return [some for size in range(1, len(parts) + 1) for some in combinations(parts, size)]


def _pairs_of(rules: Int64) -> Int64:
    one, two = np.triu_indices(len(rules), 1)
    return np.stack([rules[one], rules[two]], axis=1)


def _strongest(logs: Float, near: Float, target: int) -> Int64:
    """Return which rules may be part of a likely set: those that do most for the target, as a whole and against each class."""
    chosen = [np.argsort(-near, kind="stable")[: 2 * STRONGEST]]
    if target < logs.shape[1]:
        against = logs[:, target, None] - np.delete(logs, target, axis=1)
        chosen += [np.argsort(-gain, kind="stable")[:STRONGEST] for gain in against.T]
    return np.unique(np.concatenate(chosen))
