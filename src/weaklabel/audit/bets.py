"""Evidence that grows label by label and may be looked at after each: bets on the errors left, without replacement."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

SCALES = (60, 180, 540, 1600)
"""Numbers of labels that bets are made for: one error each, just far enough from the tolerated one to be told in so many."""

_SAFE = 0.97


def fewer(share: float, scales: Sequence[int] = SCALES) -> tuple[float, ...]:
    """Return the bets that there are fewer errors than tolerated: each a share of the tolerated ones.

    Parameters
    ----------
    share
        Share of wrong labels that is tolerated.
    scales
        Numbers of labels: a bet's error is where the evidence, if the error is that, reaches 20 in about so many.

    Notes
    -----
    A bet is best for one error and one number of labels. Four of them, a factor of three apart, cost little wherever the
    error lies, and the same at every tolerated error.

    Examples
    --------
    >>> [round(bet, 2) for bet in fewer(0.05)], [round(bet, 2) for bet in fewer(0.5)]
    ([0.05, 0.32, 0.58, 0.74], [0.69, 0.82, 0.89, 0.94])
    """
    return tuple(_between(0.05 * share, share, share, math.log(20) / n) / share for n in scales)


def more(share: float, scales: Sequence[int] = SCALES) -> tuple[float, ...]:
    """Return the bets that there are more errors than tolerated: each a multiple of the tolerated ones.

    Examples
    --------
    >>> [round(bet, 2) for bet in more(0.05)]
    [2.64, 1.89, 1.49, 1.28]
    """
    return tuple(
        _between(share + 0.999 * (1 - share), share, share, math.log(20) / n) / share for n in scales
    )


def _between(far: float, near: float, share: float, growth: float) -> float:
    """Return the error between two at which the evidence against `share` grows by `growth` a label."""
    for _ in range(60):
        p = (far + near) / 2
        grows = p * math.log(p / share) + (1 - p) * math.log((1 - p) / (1 - share))
        far, near = (p, near) if grows > growth else (far, p)
    return far


@dataclass(frozen=True)
class Order:
    """Rows in the order in which they are drawn, with what each draw was made from; made by `order_of`.

    Parameters
    ----------
    weight
        Weight of each row in the draws, shape (N,).
    weight_left, least_left
        Sum and smallest of the weights of this row and all after it.
    spread_left
        What the model of errors expects of the sum of 1/weight over the errors left, for one error.

    Examples
    --------
    >>> order_of(np.array([1.0, 2.0]), np.array([0.1, 0.1])).weight_left.tolist()
    [3.0, 2.0]
    """

    weight: np.ndarray
    weight_left: np.ndarray
    least_left: np.ndarray
    spread_left: np.ndarray

    def __len__(self) -> int:
        return len(self.weight)


def order_of(weight: np.ndarray, chance: np.ndarray) -> Order:
    """Return the order of rows that stand as they are drawn.

    Parameters
    ----------
    weight
        Weights of the rows, in the order of the draws: each is drawn among those left in proportion to its weight.
    chance
        Chance that each is wrong, as a model of errors sees it; only the size of bets rests on it.

    Examples
    --------
    >>> order_of(np.array([1.0, 1.0, 1.0]), np.array([0.1, 0.1, 0.1])).spread_left.tolist()
    [1.0, 1.0, 1.0]
    """
    left = np.cumsum(weight[::-1])[::-1]
    least = np.minimum.accumulate(weight[::-1])[::-1]
    spread = np.cumsum((chance / weight)[::-1])[::-1] / np.cumsum(chance[::-1])[::-1]
    return Order(weight, left, least, spread)


def weights(chance: np.ndarray) -> np.ndarray:
    """Return how much likelier each row is drawn than others, from its chance to be wrong.

    Notes
    -----
    Half alike for all, half in proportion to the root of the chance: what is probably wrong tells more, and a model
    of errors that is wrong itself costs at most twice the labels.

    Examples
    --------
    >>> weights(np.array([0.04, 0.04])).tolist()
    [1.0, 1.0]
    """
    root = np.sqrt(np.clip(chance, 0.01, 0.95))
    return 0.5 + root / (2 * root.mean())


def evidence_below(order: Order, wrong: np.ndarray, tolerated: int) -> np.ndarray:
    """Return the evidence, after each label, that at most so many rows are wrong; shape (labels,).

    Parameters
    ----------
    order
        The rows as they are drawn.
    wrong
        Whether each of the first rows was wrong.
    tolerated
        Number of wrong rows that is tolerated among all.

    Notes
    -----
    If more rows are wrong, the chance that this ever reaches 1/delta is at most delta, whenever one looks and stops
    (J. Ville, "Étude critique de la notion de collectif", 1939). It is the mean of bets, each a product over labels of
    1 + l (m - Z): Z is 0 for a right label and the sum of weights left over the row's own weight for a wrong one, so
    that its mean over the draw is the number of errors left; m is the least number that must be left if more than
    the tolerated are wrong; l depends on what came before only. With equal weights the products are ratios of
    hypergeometric likelihoods (I. Waudby-Smith, A. Ramdas, "Confidence sequences for sampling without replacement",
    NeurIPS 2020). Infinite where so many errors can't be left.

    Examples
    --------
    >>> order = order_of(np.ones(1000), np.full(1000, 0.01))
    >>> evidence_below(order, np.zeros(60, dtype=bool), 50)[[0, 29, 59]].round(2).tolist()
    [1.03, 2.77, 9.31]
    """
    x = np.asarray(wrong, dtype=np.float64)
    t = len(x)
    before = np.cumsum(x) - x
    least = tolerated + 1 - before  # errors that are left, at least, if too many are wrong
    rows_left = len(order) - np.arange(t)
    bets = fewer(_share(order, tolerated))
    if _alike(order):
        logs = [_likelihood(x, before, rows_left, tolerated + 1, round(f * tolerated)) for f in bets]
    else:
        logs = [_weighted(order, x, least, f, below=True) for f in bets]
    total = _mean(np.array(logs))
    sure = tolerated + 1 - np.cumsum(x) > len(order) - np.arange(1, t + 1)  # more than there are rows
    gone = tolerated + 1 - np.cumsum(x) <= 0
    return np.where(np.maximum.accumulate(gone), 0.0, np.where(sure, np.inf, total))


def evidence_above(order: Order, wrong: np.ndarray, tolerated: int) -> np.ndarray:
    """Return the evidence, after each label, that more rows are wrong than tolerated; shape (labels,).

    The same as `evidence_below` with the sides changed: if at most the tolerated are wrong, the chance that this ever
    reaches 1/delta is at most delta.

    Examples
    --------
    >>> order = order_of(np.ones(1000), np.full(1000, 0.2))
    >>> evidence_above(order, np.tile([True, False, False], 10), 50)[[0, 29]].round(1).tolist()
    [1.8, 1332.1]
    """
    x = np.asarray(wrong, dtype=np.float64)
    t = len(x)
    before = np.cumsum(x) - x
    rows_left = len(order) - np.arange(t)
    bets = more(_share(order, tolerated))
    if _alike(order):
        most = [min(round(f * tolerated) + 1, len(order)) for f in bets]
        logs = [_likelihood(x, before, rows_left, tolerated, k) for k in most]
    else:
        logs = [_weighted(order, x, tolerated - before, f, below=False) for f in bets]
    over = np.cumsum(x) > tolerated
    return np.where(np.maximum.accumulate(over), np.inf, _mean(np.array(logs)))


def _share(order: Order, tolerated: int) -> float:
    return min((tolerated + 1) / len(order), 0.999)


def _alike(order: Order) -> bool:
    return bool(order.weight.min() == order.weight.max())


def _likelihood(x: np.ndarray, before: np.ndarray, left: np.ndarray, null: int, other: int) -> np.ndarray:
    """Return the log of the likelihood of these draws under `other` errors in all over that under `null`."""
    a, b = np.maximum(other - before, 0.0), np.maximum(null - before, 0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        hit = np.log(a) - np.log(b)
        miss = np.log(np.maximum(left - a, 0.0)) - np.log(np.maximum(left - b, 0.0))
        found = np.cumsum(np.where(x > 0, hit, miss))
    return np.nan_to_num(found, nan=-np.inf, posinf=np.inf, neginf=-np.inf)


def _weighted(order: Order, x: np.ndarray, m: np.ndarray, f: float, *, below: bool) -> np.ndarray:
    t = len(x)
    total, least = order.weight_left[:t], order.least_left[:t]
    m = np.maximum(m, 0.0)
    square = np.maximum(f * m * total * order.spread_left[:t] - 2 * f * m**2 + m**2, 1e-12)
    most = np.maximum(total / least - m, 1e-12) if below else np.maximum(m, 0.5)
    size = np.minimum(abs(1 - f) * m / square, _SAFE / most)
    z = x * total / order.weight[:t]
    return np.cumsum(np.log1p(size * (m - z if below else z - m)))


def _mean(logs: np.ndarray) -> np.ndarray:
    top = logs.max(axis=0)
    safe = np.where(np.isfinite(top), top, 0.0)
    with np.errstate(over="ignore"):
        found = np.exp(np.minimum(safe, 700.0)) * np.exp(logs - safe).mean(axis=0)
    return np.where(top == np.inf, np.inf, np.where(top == -np.inf, 0.0, found))


def fixed_design(rows: int, tolerated: int, wrong: int, *, delta: float, power: float = 0.9) -> int | None:
    """Return how many labels a fixed design takes that knows how many rows are wrong, to certify with this power.

    Returns
    -------
    int or None
        None where no number of labels does it.

    Examples
    --------
    >>> fixed_design(10_000, 1000, 500, delta=0.05)
    238
    """
    from scipy.stats import hypergeom

    for n in range(1, rows + 1):
        k = int(hypergeom.ppf(delta, rows, tolerated + 1, n))
        k -= int(hypergeom.cdf(k, rows, tolerated + 1, n) > delta)
        if k >= 0 and hypergeom.cdf(k, rows, wrong, n) >= power:
            return n
    return None


def more_labels(now: float, target: float, growth: float) -> int | None:
    """Return about how many more labels the evidence needs at a given growth of its logarithm per label.

    Examples
    --------
    >>> more_labels(2.0, 20.0, 0.023), more_labels(2.0, 20.0, 0.0)
    (101, None)
    """
    if growth <= 1e-9:
        return None
    return max(1, math.ceil((math.log(target) - math.log(max(now, 1e-300))) / growth))
