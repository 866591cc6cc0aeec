"""A rule's precision over batches of gold: by batch, put together, its trend, and a bad latest batch."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from weaklabel.audit.two_samples import effective_counts
from weaklabel.gold.fall import fall_p
from weaklabel.stats import Estimate, undefined

_SHUFFLES = 1999
_METHOD = "weighted by design, mid-P at its worth in rows"
_HALVINGS = 40


@dataclass(frozen=True)
class BatchPrecision:
    """How often a rule was right on one batch; made by `by_batch`.

    Parameters
    ----------
    batch
        Name of the batch.
    precision
        Weighted share, with its interval.
    right, rows
        The same as whole numbers, for exact tests.
    worth
        Number of rows of the heaviest weight that the batch is worth.

    Examples
    --------
    >>> from weaklabel.stats import wilson
    >>> BatchPrecision("b1", wilson(3, 4), 3, 4, 4.0).to_dict()["rows"]
    4
    """

    batch: str
    precision: Estimate
    right: int
    rows: int
    worth: float

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for JSON."""
        head = {"batch": self.batch, "right": self.right, "rows": self.rows, "worth": self.worth}
        return {**head, "precision": self.precision.to_dict()}


def by_batch(
    right: npt.NDArray[np.bool_],
    weights: npt.NDArray[np.float64],
    batch: npt.NDArray[np.int64],
    names: Sequence[str],
    *,
    heaviest: Sequence[float] | None = None,
) -> tuple[BatchPrecision, ...]:
    """Return the precision on each batch that has rows.

    Parameters
    ----------
    right, weights, batch
        For each gold row that the rule votes on: whether it is right, one over the probability of being drawn, and the
        place of its batch in `names`; shapes (n,).
    names
        Names of the batches, in the order of time.
    heaviest
        For each batch the largest weight of any of its rows, also of those on which the rule is silent; by default that
        of the rows given.

    Examples
    --------
    >>> found = by_batch(np.array([True, False]), np.ones(2), np.array([0, 1]), ["b1", "b2"])
    >>> [(b.batch, b.right, b.rows) for b in found]
    [('b1', 1, 1), ('b2', 0, 1)]
    """
    told = []
    for at, name in enumerate(names):
        inside = batch == at
        if inside.any():
            w, x = weights[inside], right[inside]
            top = float(w.max()) if heaviest is None else heaviest[at]
            worth, share = float(w.sum()) / top, float(w @ x) / float(w.sum())
            estimate = Estimate(share, *mid_p(share * worth, worth), int(inside.sum()), method=_METHOD)
            told.append(BatchPrecision(name, estimate, *effective_counts(x, w, top), worth))
    return tuple(told)


def combined(batches: Sequence[BatchPrecision]) -> Estimate:
    """Return the precision on all batches together, each weighted by the number of rows that it is worth.

    Examples
    --------
    >>> both = by_batch(np.array([True, False, True, True]), np.ones(4), np.array([0, 0, 1, 1]), ["b1", "b2"])
    >>> print(combined(both))
    0.750 [0.242, 0.987] n=4
    """
    rows = sum(b.precision.n for b in batches)
    if not rows:
        return undefined(method="weighted by design")
    worth = sum(b.worth for b in batches)
    right = sum(b.worth * (b.precision.value or 0.0) for b in batches)
    return Estimate(min(right / worth, 1.0), *mid_p(min(right, worth), worth), rows, method=_METHOD)


def mid_p(right: float, rows: float, *, confidence: float = 0.95) -> tuple[float, float]:
    """Return the ends of the mid-P interval of a share; neither number need be whole.

    Notes
    -----
    The share at which the chance of more, and half of that of as many, is half of what confidence leaves (H. O.
    Lancaster, "Significance tests in discrete distributions", JASA 56, 1961). Wilson's interval at so few rows as a rule
    with heavy weights is worth leaves out shares near one too often.

    Examples
    --------
    >>> [round(end, 4) for end in mid_p(10, 10)], round(0.05 ** (1 / 10), 4)
    ([0.7411, 1.0], 0.7411)
    >>> [round(end, 3) for end in mid_p(1.5, 2.5)]
    [0.074, 0.98]
    """
    tail = (1 - confidence) / 2
    return _low(right, rows, tail), 1 - _low(rows - right, rows, tail)


def _low(right: float, rows: float, tail: float) -> float:
    from scipy.special import betainc

    if right <= 1e-9:
        return 0.0
    wrong, low, high = max(rows - right, 0.0), 0.0, 1.0
    for _ in range(_HALVINGS):
        p = (low + high) / 2
        more = float(betainc(right + 1, wrong, p)) if wrong > 1e-9 else 0.0
        fewer = (float(betainc(right, wrong + 1, p)) + more) / 2 < tail
        low, high = (p, high) if fewer else (low, p)
    return low


def bad_batch_p(batches: Sequence[BatchPrecision]) -> float:
    """Return the p-value that the latest batch is no worse than those before; NaN with fewer than two.

    Examples
    --------
    >>> from weaklabel.stats import wilson
    >>> day = [BatchPrecision("1", wilson(190, 200), 190, 200, 200), BatchPrecision("2", wilson(8, 12), 8, 12, 12)]
    >>> round(bad_batch_p(day), 4)
    0.0021
    """
    if len(batches) < 2 or not batches[-1].rows:
        return math.nan
    before = batches[:-1]
    history = sum(b.right for b in before), sum(b.rows for b in before)
    return float(fall_p(batches[-1].right, batches[-1].rows, *history))


def trend_p(batches: Sequence[BatchPrecision], *, seed: int = 0) -> float:
    """Return the p-value that precision does not rise or fall over batches; NaN with fewer than three.

    Notes
    -----
    The statistic of P. Armitage, "Tests for linear trends in proportions and frequencies", Biometrics 11 (1955), against
    1,999 seeded shuffles of the right answers over the batches, so that few rows need no normal tails.

    Examples
    --------
    >>> from weaklabel.stats import wilson
    >>> fall = [BatchPrecision(str(i), wilson(x, 20), x, 20, 20) for i, x in enumerate([20, 17, 13, 9])]
    >>> trend_p(fall)
    0.0005
    """
    kept = [b for b in batches if b.rows]
    n = np.array([b.rows for b in kept], np.int64)
    x = np.array([b.right for b in kept], np.int64)
    if len(kept) < 3 or not 0 < x.sum() < n.sum():
        return math.nan
    times = np.arange(len(kept)) - float(np.arange(len(kept)) @ n) / float(n.sum())
    seen = abs(float(times @ x))
    generator = np.random.default_rng(seed)
    shuffled = np.abs(generator.multivariate_hypergeometric(n, int(x.sum()), size=_SHUFFLES) @ times)
    return float((1 + (shuffled >= seen - 1e-9).sum()) / (_SHUFFLES + 1))


def step_p(batches: Sequence[BatchPrecision], *, seed: int = 0) -> tuple[float, int | None]:
    """Return the p-value that precision is the same in all batches, against one step; and where it is likeliest.

    Returns
    -------
    tuple
        The p-value, and the place of the first batch after the step; NaN and None with fewer than two batches, or where
        all answers are right or all wrong.

    Notes
    -----
    The largest squared difference between the precision before and after, in units of its variance, over all places
    between two batches; against 1,999 seeded shuffles of the right answers over the batches.

    Examples
    --------
    >>> from weaklabel.stats import wilson
    >>> days = [BatchPrecision(str(i), wilson(x, 20), x, 20, 20) for i, x in enumerate([19, 20, 12, 13])]
    >>> step_p(days)
    (0.0015, 2)
    """
    places = [i for i, b in enumerate(batches) if b.rows]
    n = np.array([batches[i].rows for i in places], np.int64)
    x = np.array([batches[i].right for i in places], np.int64)
    if len(n) < 2 or not 0 < x.sum() < n.sum():
        return math.nan, None
    before = n.cumsum()[:-1].astype(np.float64)
    after = float(n.sum()) - before

    def largest(right: npt.NDArray[np.int64]) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.int64]]:
        first = right.cumsum(axis=1)[:, :-1]
        apart = first / before - (int(x.sum()) - first) / after
        size = apart**2 * before * after
        return size.max(axis=1), size.argmax(axis=1)

    seen, cut = largest(x[None])
    generator = np.random.default_rng(seed)
    shuffled, _ = largest(generator.multivariate_hypergeometric(n, int(x.sum()), size=_SHUFFLES))
    p = float((1 + (shuffled >= seen[0] * (1 - 1e-9)).sum()) / (_SHUFFLES + 1))
    return p, places[int(cut[0]) + 1]
