"""Intervals of ratios such as recall, from the intervals of their two parts."""

from __future__ import annotations

import numpy as np

Array = np.ndarray
Ends = tuple[Array, Array, Array]
"""Estimate, lower end, upper end."""


def share_of_sum(part: Ends, rest: Ends) -> Ends:
    """Return part / (part + rest) with its interval, from independent estimates of the two.

    Parameters
    ----------
    part, rest
        Estimate, lower and upper end of each, not negative; arrays of one shape.

    Notes
    -----
    Limits of part / rest by recovering the variances of the two from the side of their own intervals that matters:
    A. Donner, G. Y. Zou, "Closed-form confidence intervals for functions of the normal mean and standard deviation",
    Statistical Methods in Medical Research 21 (2012), section 2. Where both are nothing the share is not known: NaN,
    within 0 and 1.

    Examples
    --------
    >>> one = lambda *v: tuple(np.array([x]) for x in v)
    >>> found = share_of_sum(one(0.3, 0.25, 0.35), one(0.1, 0.06, 0.15))
    >>> [round(float(v[0]), 3) for v in found]
    [0.75, 0.657, 0.836]
    """
    a, low_a, high_a = (np.asarray(v, dtype=np.float64) for v in part)
    b, low_b, high_b = (np.asarray(v, dtype=np.float64) for v in rest)
    with np.errstate(divide="ignore", invalid="ignore"):
        value = a / (a + b)
    low = _odds(a, b, a - low_a, high_b - b, below=True)
    high = _odds(a, b, high_a - a, b - low_b, below=False)
    return (
        value,
        np.minimum(low, np.nan_to_num(value, nan=0.0)),
        np.maximum(high, np.nan_to_num(value, nan=1.0)),
    )


def f1_of_jaccard(jaccard: Ends) -> Ends:
    """Return F1 = 2J / (1 + J) with its interval, from the Jaccard index and its interval.

    Examples
    --------
    >>> [float(v[0]) for v in f1_of_jaccard((np.array([0.5]), np.array([0.25]), np.array([1.0])))]
    [0.6666666666666666, 0.4, 1.0]
    """
    value, low, high = (2 * np.asarray(j) / (1 + np.asarray(j)) for j in jaccard)
    return value, low, high


def _odds(a: Array, b: Array, da: Array, db: Array, *, below: bool) -> Array:
    """Return the share at which part and rest times its odds differ by just what both may be off."""
    x, y = a * a - da * da, b * b - db * db
    with np.errstate(divide="ignore", invalid="ignore"):
        root = np.sqrt(np.maximum(a * a * b * b - x * y, 0.0))
        if below:
            odds = np.where(x > 0, x / (a * b + root), 0.0)
        else:
            odds = np.where(y > 0, (a * b + root) / y, np.inf)
        share = np.where(np.isinf(odds), 1.0, odds / (1 + odds))
    return np.nan_to_num(share, nan=0.0 if below else 1.0)
