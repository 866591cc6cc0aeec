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
from weaklabel.stats import Estimate, undefined, wilson

_SHUFFLES = 1999
_METHOD = "weighted by design, Wilson at its worth in rows"


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
            found = wilson(share * worth, worth)
            estimate = Estimate(share, found.low, found.high, int(inside.sum()), method=_METHOD)
            told.append(BatchPrecision(name, estimate, *effective_counts(x, w, top), worth))
    return tuple(told)


def combined(batches: Sequence[BatchPrecision]) -> Estimate:
    """Return the precision on all batches together, each weighted by the number of rows that it is worth.

    Examples
    --------
    >>> both = by_batch(np.array([True, False, True, True]), np.ones(4), np.array([0, 0, 1, 1]), ["b1", "b2"])
    >>> print(combined(both))
    0.750 [0.301, 0.954] n=4
    """
    rows = sum(b.precision.n for b in batches)
    if not rows:
        return undefined(method="weighted by design")
    worth = sum(b.worth for b in batches)
    right = sum(b.worth * (b.precision.value or 0.0) for b in batches)
    found = wilson(min(right, worth), worth)
    return Estimate(found.value, found.low, found.high, rows, method=_METHOD)


def bad_batch_p(batches: Sequence[BatchPrecision]) -> float:
    """Return the p-value that the latest batch is no worse than those before; NaN with fewer than two.

    Examples
    --------
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
