"""Tests whether two parts of a corpus differ, and how large a difference they could have shown."""

from __future__ import annotations

import math
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

from weaklabel.errors import GoldError

POWER = 0.9
"""Chance of an alarm at which a difference counts as detectable."""

_LEAST_EXPECTED = 5.0
Float = npt.NDArray[np.float64]


def fisher_mid_p(
    a: npt.ArrayLike, n_a: npt.ArrayLike, b: npt.ArrayLike, n_b: npt.ArrayLike
) -> npt.NDArray[np.float64]:
    """Return two-sided p-values that a of n_a and b of n_b rows show one share, by Fisher's test with mid-P.

    Parameters
    ----------
    a, n_a, b, n_b
        Rows that show it and all rows, in the two parts; arrays of one shape, or numbers.

    Returns
    -------
    numpy.ndarray
        NaN where nothing can be tested: a part without rows, or all rows alike.

    Notes
    -----
    Twice the smaller tail, in which the table seen counts half. Fisher's test itself is so careful with rare events
    that a rule's silence would go unnoticed; mid-P keeps its level on average, not in each case: H. O. Lancaster,
    "Significance tests in discrete distributions", JASA 56 (1961).

    Examples
    --------
    >>> fisher_mid_p([0, 5], 100, [10, 5], 100).round(4).tolist()
    [0.0008, 1.0]
    """
    from scipy.stats import hypergeom

    x, n, y, m = (v.astype(np.int64) for v in np.broadcast_arrays(a, n_a, b, n_b))
    if ((x < 0) | (x > n) | (y < 0) | (y > m)).any():
        raise GoldError("counts are between 0 and the number of rows they are counted in")
    p = np.full(x.shape, np.nan)
    made = (n > 0) & (m > 0) & (x + y > 0) & (x + y < n + m)
    if made.any():
        x, n, y, m = x[made], n[made], y[made], m[made]
        args = (n + m, x + y, n)
        half = hypergeom.pmf(x, *args) / 2
        tail = np.minimum(hypergeom.cdf(x - 1, *args), hypergeom.sf(x, *args))
        p[made] = np.minimum(2 * (np.maximum(tail, 0.0) + half), 1.0)
    return p


def homogeneity_p(a: npt.ArrayLike, b: npt.ArrayLike) -> float:
    """Return the p-value that two lists of counts come from one distribution; NaN where there is too little.

    Parameters
    ----------
    a, b
        Counts of the same cells in the two parts, shape (c,). Cells of which fewer than five rows are expected in
        either part are taken together.

    Notes
    -----
    Pearson's chi-squared test.

    Examples
    --------
    >>> homogeneity_p([50, 50], [50, 50]), round(homogeneity_p([80, 20], [50, 50]), 6)
    (1.0, 9e-06)
    """
    from scipy.stats import chi2

    counts = np.stack([np.asarray(a, np.float64), np.asarray(b, np.float64)])
    total = counts.sum()
    if not counts.sum(axis=1).all():
        return math.nan
    share = counts.sum(axis=1) / total
    order = np.argsort(-counts.sum(axis=0), kind="stable")
    counts = counts[:, order]
    large = counts.sum(axis=0) * share.min() >= _LEAST_EXPECTED
    pooled = counts[:, ~large].sum(axis=1)
    counts = counts[:, large]
    if pooled.sum() * share.min() >= _LEAST_EXPECTED or not counts.size:
        counts = np.column_stack([counts, pooled])
    else:
        counts[:, -1] += pooled
    cells = counts.shape[1]
    if cells < 2:
        return math.nan
    expected = share[:, None] * counts.sum(axis=0)
    statistic = float(((counts - expected) ** 2 / expected).sum())
    return float(chi2.sf(statistic, cells - 1))


def rank_shift(a: npt.ArrayLike, b: npt.ArrayLike) -> tuple[float, float, float]:
    """Return the chance that a value of b passes one of a, and the p-values of no shift: two-sided, and b larger.

    Parameters
    ----------
    a, b
        Values of the two parts, ties allowed; shapes (n,) and (m,).

    Notes
    -----
    H. B. Mann, D. R. Whitney, "On a test of whether one of two random variables is stochastically larger than the
    other", Annals of Mathematical Statistics 18 (1947); normal tails with ties and continuity corrected.

    Examples
    --------
    >>> auc, both, larger = rank_shift(range(20), range(10, 30))
    >>> auc, round(both, 4), round(larger, 4)
    (0.875, 0.0001, 0.0)
    """
    values, at = np.unique(np.concatenate([np.asarray(a), np.asarray(b)]), return_inverse=True)
    n = np.asarray(a).size
    return rank_shift_counts(
        np.bincount(at[:n], minlength=len(values)), np.bincount(at[n:], minlength=len(values))
    )


def rank_shift_counts(a: npt.ArrayLike, b: npt.ArrayLike) -> tuple[float, float, float]:
    """Return the same as `rank_shift` from the numbers of rows in each bin, bins in rising order.

    Examples
    --------
    >>> rank_shift_counts([5, 5], [5, 5])[:2]
    (0.5, 1.0)
    """
    low, high = np.asarray(a, np.float64), np.asarray(b, np.float64)
    n, m = float(low.sum()), float(high.sum())
    if not n or not m:
        return math.nan, math.nan, math.nan
    below = np.cumsum(low) - low
    u = float((high * (below + low / 2)).sum())
    ties, total = low + high, n + m
    variance = n * m / 12 * (total + 1 - float((ties**3 - ties).sum()) / max(total * (total - 1), 1.0))
    if variance <= 0:
        return 0.5, 1.0, 1.0
    spread, centre = math.sqrt(variance), n * m / 2
    normal = NormalDist()
    larger = normal.cdf(-(u - centre - 0.5) / spread)
    two = 2 * normal.cdf(-max(abs(u - centre) - 0.5, 0.0) / spread)
    return u / (n * m), min(two, 1.0), min(larger, 1.0)


def detectable(
    share: float, n_a: float, n_b: float, *, tests: int = 1, level: float = 0.05, power: float = POWER
) -> float | None:
    """Return the smallest change of a share that an alarm would show, relative to the share; None without rows.

    Parameters
    ----------
    share
        Share of rows that show it now.
    n_a, n_b
        Rows of the two parts.
    tests
        Tests that share the level.
    level, power
        Chance of a false alarm of any test, and of an alarm for this one when there is cause.

    Notes
    -----
    (z of level / 2 tests + z of power) sqrt((1 - p) / p (1/n_a + 1/n_b)): normal tails, meant as a guide. Above 1,
    not even complete silence would be seen for certain.

    Examples
    --------
    >>> [round(detectable(p, 10_000, 10_000, tests=50), 2) for p in (0.01, 0.05, 0.1)]
    [0.64, 0.28, 0.19]
    """
    if not n_a or not n_b or share <= 0:
        return None
    normal = NormalDist()
    z = normal.inv_cdf(1 - level / (2 * max(tests, 1))) + normal.inv_cdf(power)
    return z * math.sqrt((1 - min(share, 1.0)) / share * (1 / n_a + 1 / n_b))


def effective_counts(
    right: npt.ArrayLike, weights: npt.ArrayLike, heaviest: float | None = None
) -> tuple[int, int]:
    """Return a weighted share as whole numbers for an exact test: right rows and all rows that it is worth.

    Parameters
    ----------
    right
        Whether each row is right, shape (n,).
    weights
        One over each row's probability of being drawn, shape (n,).
    heaviest
        Largest weight that the design gives any row; the largest of these rows' by default.

    Notes
    -----
    All rows: the sum of the weights over the heaviest, rounded down; right rows: their weighted share of these,
    rounded. Rows of a light stratum alone thus never pass for many, when all that is wrong may lie where no row was
    drawn; the usual (sum w)^2 / sum w^2 lets them. Equal weights give the counts themselves.

    Examples
    --------
    >>> effective_counts([True, True, False], [2, 2, 2]), effective_counts([True, True], [1, 1], heaviest=2)
    ((2, 3), (1, 1))
    """
    x, w = np.asarray(right, np.float64), np.asarray(weights, np.float64)
    if not w.sum():
        return 0, 0
    n = math.floor(float(w.sum()) / (float(w.max()) if heaviest is None else heaviest) + 1e-9)
    return round(float(w @ x) / float(w.sum()) * n), n
