"""Tests of a person's answers to hidden checks: against their own history, and against a floor."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from weaklabel.errors import GoldError

_GRID, _FINE, _PEAKS = 513, 33, 3
_TIE = 1 + 1e-9


def fall_p(
    right: np.ndarray | int,
    n: np.ndarray | int,
    history_right: np.ndarray | int,
    history_n: np.ndarray | int,
) -> np.ndarray:
    """Return the chance of a day at least so bad if today were a day like those before.

    Parameters
    ----------
    right, n
        Checks right and answered today; arrays of one shape, or numbers.
    history_right, history_n
        Checks right and answered before. Without any the p-value is 1.

    Notes
    -----
    Boschloo's exact test, one side: days are ranked by the p-value of Fisher's exact test, and the p-value is the
    largest chance, over all shares of right answers that the person may have, of a day and a history that rank at
    least so low. R. D. Boschloo, "Raised conditional level of significance for the 2 x 2 table when testing the
    equality of two probabilities", Statistica Neerlandica 24 (1970). It is exact whatever the person's own share,
    which is not known and would have to be guessed for a binomial test against the history's share. Fisher's own
    p-value is exact too and never smaller, but so much larger with few checks that two to three times as many
    good days could be failed at the same level, and a third more falls be caught. The largest chance is found to
    a relative 1e-6, on a grid of shares refined at its peaks.

    Examples
    --------
    >>> fall_p(np.array([8, 11]), 12, 190, 200).round(4)
    array([0.0021, 0.3741])
    """
    x, m, h, total = np.broadcast_arrays(right, n, history_right, history_n)
    if ((x < 0) | (x > m) | (h < 0) | (h > total)).any():
        raise GoldError("right answers are between 0 and all answers, today and before")
    cases = np.stack([part.ravel() for part in (m, total, h, x)], axis=1)
    kinds, inverse = np.unique(cases, axis=0, return_inverse=True)
    p = np.ones(len(kinds))
    sizes = [(int(a), int(b)) for a, b in np.unique(kinds[:, :2], axis=0)]
    for today, before in sizes:
        if today and before:
            mine = np.flatnonzero((kinds[:, 0] == today) & (kinds[:, 1] == before))
            ranking = _ranking(today, before)
            ranks = ranking.fisher[kinds[mine, 2], kinds[mine, 3]]
            distinct, back = np.unique(ranks, return_inverse=True)
            p[mine] = np.array([ranking.chance(float(rank)) for rank in distinct])[back]
    return p[inverse.ravel()].reshape(x.shape)


def fall_limits(n: int, history_n: int, level: float) -> np.ndarray:
    """Return the largest number of right answers today that fails a batch, for each history.

    Parameters
    ----------
    n, history_n
        Checks answered today and before.
    level
        Level at which a batch fails.

    Returns
    -------
    numpy.ndarray
        Shape (history_n + 1,): by the number of right answers before, the largest `right` with `fall_p` at most
        the level; -1 where none is.

    Examples
    --------
    >>> fall_limits(12, 100, 0.01)[[80, 95, 100]]
    array([ 5,  8, 10])
    """
    if n < 1 or history_n < 1:
        return np.full(history_n + 1, -1)
    ranking = _ranking(n, history_n)
    ranks = np.unique(ranking.fisher)
    low, high = 0, len(ranks)  # ranks below low fail, ranks from high on do not
    while low < high:
        middle = (low + high) // 2
        if ranking.on_grid(ranking.counts(float(ranks[middle]))).max() <= level:
            low = middle + 1
        else:
            high = middle
    while low and ranking.chance(float(ranks[low - 1])) > level:  # the grid may miss a peak by a hair
        low -= 1
    return ranking.counts(float(ranks[low - 1])) - 1 if low else np.full(history_n + 1, -1)


@dataclass(frozen=True)
class _Ranking:
    """Days and histories of given sizes by Fisher's p-value, shape (history_n + 1, n + 1)."""

    n: int
    history_n: int
    fisher: np.ndarray
    angles: np.ndarray
    before: np.ndarray
    today: np.ndarray

    def counts(self, rank: float) -> np.ndarray:
        """Return how many right answers today, from 0 on, rank so low, for each history."""
        return (self.fisher <= rank * _TIE).sum(axis=1)

    def on_grid(self, counts: np.ndarray) -> np.ndarray:
        """Return the chances of fewer right today than counted, by history, for each share of the grid."""
        return _chances(self.before, self.today, counts)

    def chance(self, rank: float) -> float:
        """Return the largest chance of a rank so low, over all shares of right answers."""
        counts = self.counts(rank)
        coarse = self.on_grid(counts)
        best = float(coarse.max())
        step = self.angles[1]
        for peak in np.argsort(coarse)[-_PEAKS:]:
            angles = np.clip(self.angles[peak] + np.linspace(-step, step, _FINE), 0, np.pi / 2)
            best = max(best, float(_chances(*_binomials(self.n, self.history_n, angles), counts).max()))
        return min(best, 1.0)


def _ranking(n: int, history_n: int) -> _Ranking:
    angles = np.linspace(0, np.pi / 2, _GRID)
    before, today = _binomials(n, history_n, angles)
    return _Ranking(n, history_n, _fisher(n, history_n), angles, before, today)


def _fisher(n: int, history_n: int) -> np.ndarray:
    """Return P(so few right today, or fewer | all right answers), shape (history_n + 1, n + 1)."""
    from scipy.special import gammaln

    def ways(total: int, chosen: np.ndarray) -> np.ndarray:
        inside = (chosen >= 0) & (chosen <= total)
        c = np.where(inside, chosen, 0)
        return np.where(inside, gammaln(total + 1) - gammaln(c + 1) - gammaln(total - c + 1), -np.inf)

    x, right = np.arange(n + 1), np.arange(n + history_n + 1)[:, None]
    chance = np.exp(ways(n, x)[None, :] + ways(history_n, right - x) - ways(n + history_n, right))
    tail = np.minimum(np.cumsum(chance, axis=1), 1.0)
    return tail[np.arange(history_n + 1)[:, None] + x, x]


def _binomials(n: int, history_n: int, angles: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the chances of each history, and of fewer than 0, 1, … right today, at shares sin^2 of the angles."""
    from scipy.stats import binom

    shares = np.sin(angles)[:, None] ** 2
    before = binom.pmf(np.arange(history_n + 1), history_n, shares)
    return before, binom.cdf(np.arange(-1, n + 1), n, shares)


def _chances(before: np.ndarray, today: np.ndarray, counts: np.ndarray) -> np.ndarray:
    found: np.ndarray = (before * today[:, counts]).sum(axis=1)
    return found


def floor_p(right: np.ndarray | int, n: np.ndarray | int, floor: float) -> np.ndarray:
    """Return the chance of so few right answers, or fewer, of a person who is right just as often as the floor.

    Parameters
    ----------
    right, n
        Checks right and answered; arrays of one shape, or numbers. Without any the p-value is 1.
    floor
        Share of right answers below which nobody should be. People above it have larger p-values still.

    Examples
    --------
    >>> floor_p(np.array([5, 9]), 12, 0.8).round(5)
    array([0.0039 , 0.44165])
    """
    from scipy.stats import binom

    if not 0 < floor < 1:
        raise GoldError(f"a floor is a share between 0 and 1, not {floor}")
    return np.minimum(np.asarray(binom.cdf(right, n, floor), dtype=np.float64), 1.0)


def floor_of_kappa(kappa: float, shares: Mapping[str, float] | Sequence[float]) -> float | None:
    """Return how often a person must be right to reach a kappa with gold of a given mix of classes.

    Parameters
    ----------
    kappa
        The floor in kappa, between 0 and 1.
    shares
        Counts or shares of the classes in gold.

    Returns
    -------
    float or None
        c + kappa (1 - c) with c the agreement by chance of two who both answer in the mix of gold; None where
        gold has one class only and kappa has no meaning.

    Examples
    --------
    >>> floor_of_kappa(0.6, [0.5, 0.5]), floor_of_kappa(0.6, {"ham": 9, "spam": 1}), floor_of_kappa(0.6, [1])
    (0.8, 0.928, None)
    """
    if not 0 < kappa < 1:
        raise GoldError(f"a floor of kappa is between 0 and 1, not {kappa}")
    counts = np.array(list(shares.values()) if isinstance(shares, Mapping) else list(shares), np.float64)
    if (counts > 0).sum() < 2:
        return None
    chance = float(((counts / counts.sum()) ** 2).sum())
    return round(chance + kappa * (1 - chance), 12)
