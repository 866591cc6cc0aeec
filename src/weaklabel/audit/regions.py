"""Nested regions of a corpus, the exact test of each, and which of them to try to certify."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from weaklabel.errors import GoldError

STEPS = 20
"""Most regions that a corpus is cut into."""


def fewest_labels(rows: int | None, error: float, confidence: float = 0.95) -> int:
    """Return the fewest labels, all found right, that show an error of at most `error` in so many rows.

    Parameters
    ----------
    rows
        Rows of the corpus or part; None: so many that their number does not matter.
    error
        Share of wrong labels that is tolerated.
    confidence
        Chance with which the certificate is to be true.

    Notes
    -----
    With every label right, n labels drawn without replacement rule out floor(error rows) + 1 wrong ones when the
    chance to have missed them all is at most 1 - confidence. For large corpora that is
    ln(1 - confidence) / ln(1 - error); a small corpus needs less.

    Raises
    ------
    GoldError
        Error or confidence is no share between 0 and 1.

    Examples
    --------
    >>> [fewest_labels(None, error) for error in (0.01, 0.02, 0.05, 0.1)]
    [299, 149, 59, 29]
    >>> fewest_labels(100, 0.05)
    39
    """
    if not (0 < error < 1 and 0 < confidence < 1):
        raise GoldError(f"error and confidence lie between 0 and 1, not {error} and {confidence}")
    if rows is None:
        return math.ceil(math.log(1 - confidence) / math.log(1 - error))
    wrong = math.floor(error * rows + 1e-9) + 1
    log_missed, least = 0.0, math.log(1 - confidence)
    for n in range(rows - wrong + 1):
        if log_missed <= least + 1e-12:
            return n
        if n < rows - wrong:
            log_missed += math.log1p(-wrong / (rows - n))
    return rows - wrong + 1


def tail(wrong: int, checked: int, rows: int, bad: int) -> float:
    """Return the chance of so few wrong labels among those checked, if `bad` of the rows are wrong.

    Examples
    --------
    >>> round(tail(0, 59, 10**7, 500001), 3)
    0.048
    >>> tail(0, 5, 5, 0), tail(0, 5, 5, 1)
    (1.0, 0.0)
    """
    from scipy.stats import hypergeom

    if bad <= 0:
        return 1.0
    if bad > rows:
        return 0.0
    return float(hypergeom.cdf(wrong, rows, bad, checked))


@dataclass(frozen=True)
class Nested:
    """Regions of growing size, each holding all before it, and what is known of each already.

    Parameters
    ----------
    rows
        Rows of each region, growing, shape (J,).
    left
        Rows of each that nobody has checked.
    wrong
        Labels of each that are known to be wrong.
    guess
        Share of the unchecked rows that a model of errors expects to be wrong.

    Examples
    --------
    >>> Nested(np.array([50, 100]), np.array([45, 90]), np.array([0, 2]), np.array([0.01, 0.03])).least(0.05).tolist()
    [3, 4]
    """

    rows: np.ndarray
    left: np.ndarray
    wrong: np.ndarray
    guess: np.ndarray

    def least(self, error: float) -> np.ndarray:
        """Return how many of the unchecked rows must be wrong for a region to have more errors than tolerated."""
        return np.floor(error * self.rows + 1e-9).astype(np.int64) - self.wrong + 1


def cut(rows: int, steps: int = STEPS) -> np.ndarray:
    """Return the sizes of nested regions of a corpus of so many rows.

    Examples
    --------
    >>> cut(1000, 4).tolist(), cut(3, 20).tolist()
    ([250, 500, 750, 1000], [1, 2, 3])
    """
    sizes = np.unique(np.ceil(rows * np.arange(1, steps + 1) / steps - 1e-9).astype(np.int64))
    return sizes[sizes > 0]


def measure(
    rank: np.ndarray, chance: np.ndarray, checked: np.ndarray, wrong: np.ndarray, sizes: np.ndarray
) -> Nested:
    """Return nested regions of a corpus whose rows are ranked.

    Parameters
    ----------
    rank
        Place of each row, 0 for the one that is likeliest to be right, shape (n,).
    chance
        Chance that a row's label is wrong, as a model of errors sees it, shape (n,).
    checked
        Positions of the rows that were checked.
    wrong
        Whether each of them was wrong.
    sizes
        Sizes of the regions; region j holds the rows with a rank below sizes[j].

    Examples
    --------
    >>> found = measure(np.array([1, 0]), np.array([0.4, 0.2]), np.array([0]), np.array([True]), np.array([1, 2]))
    >>> found.left.tolist(), found.wrong.tolist(), found.guess.tolist()
    ([1, 1], [0, 1], [0.2, 0.2])
    """
    region = np.searchsorted(sizes, rank, side="right")
    open_ = np.ones(len(rank), dtype=bool)
    open_[checked] = False
    j = len(sizes)
    left = np.bincount(region[open_], minlength=j + 1)[:j].cumsum()
    expected = np.bincount(region[open_], weights=chance[open_], minlength=j + 1)[:j].cumsum()
    bad = np.bincount(region[checked], weights=wrong.astype(np.float64), minlength=j + 1)[:j].cumsum()
    return Nested(sizes, left, np.rint(bad).astype(np.int64), expected / np.maximum(left, 1))


@dataclass(frozen=True)
class Aim:
    """Which regions are tested, from `start` outwards to `outer`, where the labels are drawn; made by `aim`.

    Parameters
    ----------
    start, outer
        Positions of regions.
    expected
        Rows that this is expected to certify, by the model of errors.
    passing
        Chance that the first region passes, by the model of errors.

    Examples
    --------
    >>> Aim(1, 2, 100.0, 0.5).start
    1
    """

    start: int
    outer: int
    expected: float
    passing: float


def aim(found: Nested, labels: int, *, error: float, delta: float, strength: float) -> Aim:
    """Choose where to draw the labels and which region to test first, so that most rows may be expected.

    Parameters
    ----------
    found
        The regions.
    labels
        Labels to come.
    error
        Share of wrong labels that is tolerated.
    delta
        Chance that may be taken that a certificate is false.
    strength
        How many labels the guesses are worth: a region's error is thought to spread as a Beta distribution of that many.

    Notes
    -----
    Labels drawn in the outer region fall into those inside it in proportion to their rows. For each outer region and
    each region to begin with, a region's rows are weighed with the smallest chance to pass on the way to it. The
    guesses may be bad: then less is certified, never more than is true. To keep a part of delta for a smaller
    region, in case the first fails, was tried: it was never worth its price.

    Examples
    --------
    >>> found = Nested(np.array([500, 1000]), np.array([500, 1000]), np.array([0, 0]), np.array([0.001, 0.3]))
    >>> chosen = aim(found, 100, error=0.05, delta=0.05, strength=100)
    >>> chosen.start, chosen.outer, round(chosen.passing, 2)
    (0, 0, 0.98)
    """
    chances = _pass_chances(found, labels, error, delta, strength)  # (outer, region), 0 outside
    best = Aim(0, 0, -1.0, 0.0)
    for outer in range(len(found.rows)):
        grown = np.diff(found.rows[: outer + 1], prepend=0)
        runs = _runs(chances[outer, : outer + 1])
        value = np.triu(runs * grown).sum(axis=1) + runs.diagonal() * (grown.cumsum() - grown)
        start = int(value.argmax())
        if value[start] > best.expected + 1e-9:
            best = Aim(start, outer, float(value[start]), float(runs[start, start]))
    return best


def _runs(chance: np.ndarray) -> np.ndarray:
    """Return the smallest chance from each region (rows) out to each (columns); 0 inside."""
    at = np.arange(len(chance))
    return np.triu(np.minimum.accumulate(np.where(at[:, None] <= at, chance[None], 1.0), axis=1))


def _pass_chances(found: Nested, labels: int, error: float, delta: float, strength: float) -> np.ndarray:
    from scipy.special import betaln, gammaln

    left = np.maximum(found.left, 1)
    outer, region = np.tril_indices(len(left))
    n = np.minimum(np.rint(np.minimum(labels, left[outer]) * left[region] / left[outer]), left[region])
    rows, bad = left[region].astype(np.float64), found.least(error)[region].astype(np.float64)
    k = np.arange(math.ceil(error * labels) + 2, dtype=np.float64)[None, :]
    n, rows, bad = n[:, None], rows[:, None], bad[:, None]
    possible = (k <= n) & (k <= bad) & (n - k <= rows - bad) & (bad > 0)

    def choose(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        a, b = np.maximum(a, 0), np.clip(b, 0, np.maximum(a, 0))
        return gammaln(a + 1) - gammaln(b + 1) - gammaln(a - b + 1)

    hyper = np.where(possible, np.exp(choose(bad, k) + choose(rows - bad, n - k) - choose(rows, n)), 0.0)
    critical = ((hyper.cumsum(axis=1) <= delta) & (n > 0)).sum(axis=1) - 1
    critical[bad[:, 0] <= 0] = -1
    mean = np.clip(found.guess[region], 1e-4, 1 - 1e-4)[:, None]
    a, b = mean * strength, (1 - mean) * strength
    spread = np.where(
        k <= n, np.exp(choose(n, k) + betaln(k + a, np.maximum(n - k, 0) + b) - betaln(a, b)), 0.0
    )
    passed = np.where(k <= critical[:, None], spread, 0.0).sum(axis=1)
    table = np.zeros((len(left), len(left)))
    table[outer, region] = passed
    return table


def outward(
    found: Nested, checked: np.ndarray, wrong: np.ndarray, *, error: float, delta: float, chosen: Aim
) -> tuple[int, list[float]]:
    """Test the regions from the start outwards, each at the full level, until one fails.

    Parameters
    ----------
    found
        The regions, as they stood before these labels.
    checked, wrong
        Labels that were drawn in the outer region, and how many of them were wrong, for each region, shape (J,).
    error
        Share of wrong labels that is tolerated.
    delta
        Level of each test.
    chosen
        Where to begin and to end.

    Returns
    -------
    tuple
        The last region that passed, -1 where none did, and the p-value of each test made.

    Notes
    -----
    Labels drawn at random from the outer region are, given how many fall into an inner one, a random sample of
    that: its p-value is hypergeometric. The order is fixed before the labels are drawn. A region whose errors are
    more than tolerated passes with a chance of at most delta; the tests stop at the first failure, so the chance
    that any such region passes is at most delta, however many are tested.

    Raises
    ------
    GoldError
        More labels than rows that were left.

    Examples
    --------
    >>> found = Nested(np.array([500, 1000]), np.array([500, 1000]), np.array([0, 0]), np.array([0.01, 0.03]))
    >>> chosen = Aim(0, 1, 0.0, 0.0)
    >>> last, p = outward(found, np.array([60, 120]), np.array([0, 6]), error=0.05, delta=0.05, chosen=chosen)
    >>> last, [round(x, 3) for x in p]
    (0, [0.033, 0.586])
    """
    if (checked > found.left).any():
        raise GoldError("more labels were checked than there are rows")
    bad = found.least(error)
    last, p_values = -1, []
    for j in range(chosen.start, chosen.outer + 1):
        more = int(bad[j])
        p = 1.0 if more <= 0 else tail(int(wrong[j]), int(checked[j]), int(found.left[j]), more)
        p_values.append(p)
        if p > delta:
            break
        last = j
    return last, p_values
