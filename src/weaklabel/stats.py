"""Intervals, the bootstrap and multiplicity: every number that is reported carries its uncertainty from here."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from statistics import NormalDist
from typing import Any

import numpy as np

BLOCK_BYTES = 64 * 2**20
"""Memory that one block of bootstrap resamples may take."""


@dataclass(frozen=True)
class Estimate:
    """A measured value with its interval.

    Parameters
    ----------
    value
        The estimate; None where it can't be measured.
    low, high
        Ends of the interval; None where there is none.
    n
        Number of rows that the value is measured on.
    coverage
        Share of all rows asked about that the value is measured on; None where that has no meaning.
    method
        How the interval was made.

    Notes
    -----
    NaN and infinities become None: what can't be measured is never a number.

    Examples
    --------
    >>> print(wilson(45, 50))
    0.900 [0.786, 0.957] n=50
    >>> print(wilson(0, 0))
    not measured (n=0)
    """

    value: float | None
    low: float | None
    high: float | None
    n: int
    coverage: float | None = None
    method: str = ""

    def __post_init__(self) -> None:
        for name in ("value", "low", "high", "coverage"):
            object.__setattr__(self, name, _finite(getattr(self, name)))
        object.__setattr__(self, "n", int(self.n))

    def __str__(self) -> str:
        if self.value is None:
            return f"not measured (n={self.n})"
        if self.low is None or self.high is None:
            return f"{self.value:.3f} n={self.n}"
        return f"{self.value:.3f} [{self.low:.3f}, {self.high:.3f}] n={self.n}"

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for JSON.

        Examples
        --------
        >>> Estimate(0.5, None, None, 2).to_dict()
        {'value': 0.5, 'low': None, 'high': None, 'n': 2, 'coverage': None, 'method': ''}
        """
        return asdict(self)


def undefined(*, n: int = 0, coverage: float | None = None, method: str = "") -> Estimate:
    """Return the estimate of what can't be measured.

    Examples
    --------
    >>> undefined().value is None
    True
    """
    return Estimate(None, None, None, n, coverage, method)


def wilson(k: float, n: float, *, confidence: float = 0.95) -> Estimate:
    """Return a proportion with Wilson's score interval.

    Parameters
    ----------
    k
        Successes; may be fractional (split ties, weighted rows).
    n
        Trials, or an effective number of trials. 0: the proportion is not measured.
    confidence
        Nominal coverage of the interval, between 0 and 1.

    Raises
    ------
    ValueError
        Unless 0 <= k <= n and 0 < confidence < 1.

    Notes
    -----
    E. B. Wilson, "Probable inference, the law of succession, and statistical inference", JASA 22 (1927).

    Examples
    --------
    >>> print(wilson(8, 10))
    0.800 [0.490, 0.943] n=10
    """
    _check_counts(k, n, confidence)
    if n == 0:
        return undefined(method="Wilson")
    p = min(k / n, 1.0)
    low, high = _wilson_ends(p, n, confidence)
    return Estimate(p, low, high, round(n), method="Wilson")


def wilson_mean(
    values: np.ndarray, *, weights: np.ndarray | None = None, confidence: float = 0.95
) -> Estimate:
    """Return the mean of values in [0, 1] with Wilson's interval at the effective number of rows.

    Parameters
    ----------
    values
        Scores of the rows, shape (n,): 1 right, 0 wrong, in between a split tie.
    weights
        Weights of the rows, shape (n,), not negative; None: all equal.
    confidence
        Nominal coverage of the interval.

    Notes
    -----
    A score between 0 and 1 varies less than a coin of the same mean: the variance is p(1-p) - t with
    t the mean of x(1-x). Wilson's interval is taken at n p(1-p) / (p(1-p) - t'), where t' is t with z^2 rows
    without ties added, so that a handful of ties is no proof that all rows are ties. Without ties and
    weights this is Wilson's interval itself. Weights enter by Kish's effective size (sum w)^2 / sum w^2.

    Examples
    --------
    >>> print(wilson_mean(np.array([1, 1, 1, 0.5, 0])))
    0.700 [0.320, 0.921] n=5
    """
    x = np.asarray(values, dtype=np.float64)
    w = np.ones_like(x) if weights is None else np.asarray(weights, dtype=np.float64)
    if x.shape != w.shape or x.ndim != 1:
        raise ValueError(f"values and weights are vectors of one length, not {x.shape} and {w.shape}")
    if x.size and not (x.min() >= 0 and x.max() <= 1 and w.min() >= 0):
        raise ValueError("values lie in [0, 1] and weights are not negative")
    rows, total = int((w > 0).sum()), float(w.sum())
    method = "Wilson at the effective number of rows"
    if rows == 0:
        return undefined(method=method)
    p = min(max(float(w @ x) / total, 0.0), 1.0)
    n = total**2 / float(w @ w)
    z2 = _z(confidence) ** 2
    ties = float(w @ (x * (1 - x))) / total * n / (n + z2)
    variance = p * (1 - p) - ties
    effective = n * p * (1 - p) / variance if ties > 0 and variance > 0 else n
    low, high = _wilson_ends(p, effective, confidence)
    return Estimate(p, low, high, rows, method=method)


def clopper_pearson(k: float, n: float, *, confidence: float = 0.95) -> Estimate:
    """Return a proportion with the exact (Clopper-Pearson) interval, which never covers less than it says.

    Parameters
    ----------
    k
        Successes; may be fractional.
    n
        Trials, or an effective number of trials. 0: the proportion is not measured.
    confidence
        Least coverage of the interval.

    Raises
    ------
    ValueError
        Unless 0 <= k <= n and 0 < confidence < 1.

    Notes
    -----
    C. J. Clopper, E. S. Pearson, "The use of confidence or fiducial limits", Biometrika 26 (1934).

    Examples
    --------
    >>> print(clopper_pearson(8, 10))
    0.800 [0.444, 0.975] n=10
    """
    _check_counts(k, n, confidence)
    if n == 0:
        return undefined(method="Clopper-Pearson")
    from scipy.stats import beta

    tail = (1 - confidence) / 2
    low = float(beta.ppf(tail, k, n - k + 1)) if k > 0 else 0.0
    high = float(beta.ppf(1 - tail, k + 1, n - k)) if k < n else 1.0
    return Estimate(k / n, low, high, round(n), method="Clopper-Pearson")


def paired_difference(differences: np.ndarray, *, confidence: float = 0.95) -> Estimate:
    """Return the mean of differences in [-1, 1] between two scores of the same rows, with its interval.

    Parameters
    ----------
    differences
        Score of one way minus score of the other, row by row, shape (n,).
    confidence
        Nominal coverage of the interval.

    Notes
    -----
    A. Agresti, Y. Min, "Simple improved confidence intervals for comparing matched proportions",
    Statistics in Medicine 24 (2005): half a row is added to each of the four cells (both right, both wrong, only
    one right, only the other) before the normal interval, so that "no row differs" is not read as certainty.

    Examples
    --------
    >>> print(paired_difference(np.array([0, 0, 0, 1, 0, 0, 0, 0, -1, 1])))
    0.100 [-0.240, 0.407] n=10
    """
    d = np.asarray(differences, dtype=np.float64)
    method = "Agresti-Min, paired"
    if d.size == 0:
        return undefined(method=method)
    if abs(d).max() > 1:
        raise ValueError("differences of scores lie in [-1, 1]")
    n = d.size
    centre = float(d.sum()) / (n + 2)
    spread = math.sqrt(max((float(d @ d) + 1) / (n + 2) - centre**2, 0.0) / (n + 2)) * _z(confidence)
    low, high = max(centre - spread, -1.0), min(centre + spread, 1.0)
    return Estimate(float(d.mean()), low, high, n, method=method)


def bootstrap(
    statistic: Callable[[np.ndarray], np.ndarray],
    n: int,
    *,
    seed: int,
    resamples: int = 1000,
    confidence: float = 0.95,
) -> tuple[Estimate, ...]:
    """Return statistics of n rows with intervals from resampling the rows.

    Parameters
    ----------
    statistic
        Function of row counts, shape (b, n) float64 with rows that sum to n, that gives one row of values for
        each, shape (b, s). NaN: undefined on that resample.
    n
        Number of rows. Put them into an order of their own (by id) first: the draws go by position.
    seed
        Seed of the draws; the same seed, rows and statistic give the same intervals.
    resamples
        Number of resamples.
    confidence
        Nominal coverage of the intervals.

    Notes
    -----
    Percentile interval, stretched to hold the value: A. C. Davison, D. V. Hinkley, "Bootstrap methods and their
    application" (1997), section 5.3. All statistics share the resamples. Where every resample gives the value
    itself (all rows alike) resampling shows no spread, and there is no interval. Memory is bounded by
    `BLOCK_BYTES` for each of a few arrays, whatever the number of resamples.

    Examples
    --------
    >>> x = np.arange(10.0)
    >>> (mean,) = bootstrap(lambda counts: counts @ x[:, None] / 10, 10, seed=0)
    >>> mean.value, mean.low < 4.5 < mean.high
    (4.5, True)
    """
    if n == 0:
        raise ValueError("no rows to resample")
    _check_counts(0, n, confidence)
    values = _statistic(statistic, np.ones((1, n)))[0]
    block = min(resamples, max(1, BLOCK_BYTES // (24 * n)))
    generator = np.random.default_rng(seed)
    draws = []
    for start in range(0, resamples, block):
        size = min(block, resamples - start)
        draws.append(_statistic(statistic, _resample(generator, size, n)))
    tail = (1 - confidence) / 2
    return tuple(
        _interval(float(value), column, tail, n)
        for value, column in zip(values, np.concatenate(draws).T, strict=True)
    )


def benjamini_hochberg(p: Sequence[float] | np.ndarray) -> np.ndarray:
    """Return p-values adjusted so that rejecting those <= q keeps the false discovery rate at q.

    Parameters
    ----------
    p
        P-values, shape (m,); NaN for a test that was not made, which counts for nothing and stays NaN.

    Raises
    ------
    ValueError
        A p-value lies outside [0, 1].

    Notes
    -----
    Y. Benjamini, Y. Hochberg, "Controlling the false discovery rate", JRSS B 57 (1995).

    Examples
    --------
    >>> benjamini_hochberg([0.01, 0.04, 0.03]).round(3).tolist()
    [0.03, 0.04, 0.04]
    """
    given = np.asarray(p, dtype=np.float64)
    adjusted = np.full(given.shape, np.nan)
    made = ~np.isnan(given)
    if made.any():
        from scipy.stats import false_discovery_control

        adjusted[made] = false_discovery_control(given[made], method="bh")
    return adjusted


def _finite(value: float | None) -> float | None:
    return None if value is None or not math.isfinite(value) else float(value)


def _z(confidence: float) -> float:
    return NormalDist().inv_cdf((1 + confidence) / 2)


def _check_counts(k: float, n: float, confidence: float) -> None:
    if not 0 <= k <= n + 1e-9:
        raise ValueError(f"k successes of n trials need 0 <= k <= n, not k={k}, n={n}")
    if not 0 < confidence < 1:
        raise ValueError(f"confidence lies between 0 and 1, not {confidence}")


def _wilson_ends(p: float, n: float, confidence: float) -> tuple[float, float]:
    z2 = _z(confidence) ** 2
    centre = (p + z2 / (2 * n)) / (1 + z2 / n)
    half = math.sqrt(z2) * math.sqrt(p * (1 - p) / n + z2 / (4 * n * n)) / (1 + z2 / n)
    low, high = max(centre - half, 0.0), min(centre + half, 1.0)
    return (0.0 if p == 0 else min(low, p)), (1.0 if p == 1 else max(high, p))


def _resample(generator: np.random.Generator, size: int, n: int) -> np.ndarray:
    drawn = generator.integers(0, n, size=(size, n))
    drawn += np.arange(size)[:, None] * n
    return np.bincount(drawn.ravel(), minlength=size * n).reshape(size, n).astype(np.float64)


def _statistic(statistic: Callable[[np.ndarray], np.ndarray], counts: np.ndarray) -> np.ndarray:
    values = np.asarray(statistic(counts), dtype=np.float64)
    if values.ndim != 2 or len(values) != len(counts):
        raise ValueError(
            f"the statistic gave shape {values.shape} for {len(counts)} resamples, not ({len(counts)}, s)"
        )
    return values


def _interval(value: float, column: np.ndarray, tail: float, n: int) -> Estimate:
    method = "bootstrap over rows, percentile"
    kept = column[~np.isnan(column)]
    if math.isnan(value) or not kept.size:
        return undefined(n=n, method=method)
    if np.ptp(kept) <= 1e-12 * max(1.0, abs(value)):
        return Estimate(value, None, None, n, method="no interval: all rows are alike")
    low, high = (float(v) for v in np.quantile(kept, [tail, 1 - tail]))
    return Estimate(value, min(low, value), max(high, value), n, method=method)
