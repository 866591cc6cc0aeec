"""Prediction-powered accuracy: a score of every row takes part of the noise out of a simple random sample."""

from __future__ import annotations

from statistics import NormalDist

import numpy as np

from weaklabel.errors import GoldError
from weaklabel.stats import Estimate, undefined

LEAST_EACH = 30
"""Right and wrong labels that the sample must hold each: with fewer, the normal interval doesn't cover."""


def powered_mean(
    right: np.ndarray,
    scores: np.ndarray,
    all_scores: np.ndarray,
    *,
    power: float | None = None,
    confidence: float = 0.95,
) -> Estimate:
    """Return the share of right labels from a simple random sample and a score that every row has.

    Parameters
    ----------
    right
        Whether the label of each sampled row is right, shape (n,).
    scores
        Its score, shape (n,): a probability of being right, made without this gold.
    all_scores
        Scores of all rows that were not sampled, shape (N - n,).
    power
        How much the scores count, 0 to 1; None: as much as helps (`tuned_power`).
    confidence
        Nominal coverage.

    Returns
    -------
    Estimate
        Without an interval where fewer than `LEAST_EACH` right or wrong labels were seen: a normal interval then
        misses too often. Take the stratified estimate instead.

    Notes
    -----
    A. N. Angelopoulos, J. C. Duchi, T. Zrnic, "PPI++: Efficient prediction-powered inference" (2023), equations for
    the mean.

    Examples
    --------
    >>> right = np.array([1.0] * 60 + [0.0] * 40)
    >>> found = powered_mean(right, right * 0.8 + 0.1, np.linspace(0.1, 0.9, 1000))
    >>> found.low < found.value < found.high
    True
    """
    y, s, rest = (np.asarray(a, dtype=np.float64) for a in (right, scores, all_scores))
    if y.shape != s.shape or y.ndim != 1 or rest.ndim != 1 or not len(rest):
        raise GoldError(
            f"{y.shape} labels, {s.shape} scores of them and {rest.shape} other scores don't go together"
        )
    n, others = len(y), len(rest)
    if n < 2:
        return undefined(n=n, method="prediction-powered")
    much = tuned_power(y, s, rest) if power is None else power
    value = float(y.mean() + much * (rest.mean() - s.mean()))
    if min(y.sum(), n - y.sum()) < LEAST_EACH:
        return Estimate(
            value, None, None, n, method="prediction-powered, too few right or wrong labels for an interval"
        )
    noise = float((y - much * s).var()) / n + much**2 * float(rest.var()) / others
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    half = z * noise**0.5
    return Estimate(value, max(0.0, value - half), min(1.0, value + half), n, method="prediction-powered")


def tuned_power(right: np.ndarray, scores: np.ndarray, all_scores: np.ndarray) -> float:
    """Return how much scores should count so that the variance is least, within 0 and 1.

    Examples
    --------
    >>> round(tuned_power(np.array([0.0, 1.0]), np.array([0.0, 1.0]), np.array([0.0, 1.0] * 500)), 3)
    0.998
    """
    y, s, rest = (np.asarray(a, dtype=np.float64) for a in (right, scores, all_scores))
    n, others = len(y), len(rest)
    every = np.concatenate([s, rest])
    spread = float(every.var(ddof=0)) * (1 + n / others)
    if spread == 0:
        return 0.0
    both = float(np.mean((y - y.mean()) * (s - s.mean())))
    return min(1.0, max(0.0, both / spread))
