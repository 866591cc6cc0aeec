"""The interval of a share from a stratified sample: a score test against the likeliest strata; and the exact one."""

from __future__ import annotations

from statistics import NormalDist

import numpy as np

Array = np.ndarray

POOLED = 1.0
"""Imagined rows that each stratum takes over from all strata together, so that eight right of eight is no proof."""
FEW = 6.0
"""With no more events than this the bound on their side is a beta quantile, as rare events are not normal."""
RARE = 0.25
"""Added to the events in that quantile: 0 is the exact bound, 1/2 the one of Jeffreys."""
STEP = 0.1
"""Part of one row that the sample may be off by before it is doubted, as counts go in steps."""
STEPS = 28
"""Halvings: the logarithm of the multiplier is found to within 1e-6."""


def stratified_proportion(
    hits: Array,
    rows: Array,
    share: Array,
    *,
    left: Array | float = 1.0,
    spread: Array | float = 0.0,
    step: float = STEP,
    confidence: float = 0.95,
) -> tuple[Array, Array, Array]:
    """Return a weighted share of hits with its interval, for many samples of one design at once.

    Parameters
    ----------
    hits
        Rows of each stratum that are hits, shape (samples, strata); fractions are allowed.
    rows
        Rows drawn from each stratum, shape (strata,) or (samples, strata); where 0, the stratum's share must be 0.
    share
        Weight of each stratum, of the shape of `rows`, summing to 1.
    left
        Share of each stratum's rows that were not drawn, 1 - n/N: the finite-population correction.
    spread
        How much a stratum's weight is itself random: 0 where it is known, 1 where each row came in by chance; adds
        (p_h - p)^2 to the variance of a row.
    step
        Part of one row by which the distance from the estimate is shortened before it is judged: 0 for none, 1/2 for
        the whole continuity correction. Figures that rest on few rows need more of it.
    confidence
        Nominal coverage.

    Returns
    -------
    tuple
        Estimate, lower end and upper end, each of shape (samples,).

    Notes
    -----
    The interval holds every share p that a score test does not refuse. Under the hypothesis the strata's shares are
    the likeliest ones that average to p: each solves x/q - (n-x)/(1-q) = t w for one multiplier t, a quadratic, and
    the variance is taken at them. So a stratum with large weight and few rows bears the doubt, and a sample without
    a single error still gives a wide enough bound; with one stratum it is Wilson's interval with n - 1 for n (JASA 22,
    1927).
    The idea is the stratified score interval of O. Miettinen, M. Nurminen (Statistics in Medicine 4, 1985) for one
    group. Each stratum's likelihood is shrunk by `POOLED` rows towards the whole, and where few events were seen the
    bound next to them is a beta quantile at the effective number of rows, between the exact and Jeffreys' one.

    Examples
    --------
    >>> p, low, high = stratified_proportion(np.array([[45.0, 40.0]]), np.array([50.0, 50.0]), np.array([0.5, 0.5]))
    >>> [round(float(v[0]), 3) for v in (p, low, high)]
    [0.85, 0.766, 0.908]
    """
    x = np.atleast_2d(np.asarray(hits, dtype=np.float64))
    n, w, keep, extra = (
        np.broadcast_to(np.asarray(a, dtype=np.float64), x.shape) for a in (rows, share, left, spread)
    )
    strata = _Strata(x, n, w, np.maximum(keep, 1e-9), extra, step)
    z2 = NormalDist().inv_cdf((1 + confidence) / 2) ** 2
    low, high = (_end(strata, sign, z2) for sign in (1.0, -1.0))
    tail = (1 - confidence) / 2
    low = _near_nothing(strata.x, strata.value, low, strata, tail)
    high = 1 - _near_nothing(strata.n - strata.x, 1 - strata.value, 1 - high, strata, tail)
    return strata.value, np.minimum(low, strata.value), np.maximum(high, strata.value)


def exact_interval(
    hits: int, rows: int, population: int, *, confidence: float = 0.95
) -> tuple[float, float, float]:
    """Return the share of hits in a finite population with the exact interval of a simple random sample.

    Notes
    -----
    The numbers of hits K in the population for which neither tail of the hypergeometric distribution is below half
    of what may be missed.

    Examples
    --------
    >>> exact_interval(9, 10, 20)
    (0.9, 0.65, 0.95)
    """
    from scipy.stats import hypergeom

    if not 0 <= hits <= rows <= population or rows < 1:
        raise ValueError(f"{hits} hits in {rows} rows of {population} is no sample")
    tail = (1 - confidence) / 2
    totals = np.arange(hits, population - (rows - hits) + 1)
    enough = hypergeom.sf(hits - 1, population, totals, rows) > tail
    few = hypergeom.cdf(hits, population, totals, rows) > tail
    kept = totals[enough & few]
    return hits / rows, float(kept[0]) / population, float(kept[-1]) / population


class _Strata:
    """Counts of the strata with what the score test needs of them."""

    def __init__(self, x: Array, n: Array, w: Array, keep: Array, extra: Array, step: float) -> None:
        used = (n > 0) & (w > 0)
        self.x, self.n = np.where(used, x, 0.0), np.where(used, n, 1.0)
        self.w, self.extra = np.where(used, w, 0.0), extra
        self.value = np.clip((self.w * self.x / self.n).sum(axis=-1), 0.0, 1.0)
        rows = self.n / keep
        total = np.where(used, self.n, 0.0).sum(axis=-1)
        half = 0.5 / np.maximum(total, 1.0)
        pooled = np.clip(self.value, half, 1 - half)[:, None]
        self.rows = rows
        self.seen = (self.x / keep + POOLED * pooled) * rows / (rows + POOLED)
        self.step = step * (self.w**2 / rows).sum(axis=-1)
        self.scale = self.w**2 * np.where(self.n > 1, self.n / np.maximum(self.n - 1, 1.0), 2.0) / rows

    def at(self, multiplier: Array) -> tuple[Array, Array]:
        """Return the share that a multiplier stands for and its squared distance from the value in variances."""
        t = multiplier[:, None] * self.w
        b = t + self.rows
        root = np.sqrt(np.maximum(b * b - 4 * t * self.seen, 0.0))
        with np.errstate(divide="ignore", invalid="ignore"):
            q = np.where(b > 0, 2 * self.seen / (b + root), (b - root) / (2 * t))
        q = np.clip(np.nan_to_num(q, nan=0.0), 0.0, 1.0)
        p = (self.w * q).sum(axis=-1)
        v = (self.scale * (q * (1 - q) + self.extra * (q - p[:, None]) ** 2)).sum(axis=-1)
        gap = np.maximum(abs(self.value - p) - self.step, 0.0) ** 2
        with np.errstate(divide="ignore", invalid="ignore"):
            return p, np.where(v > 0, gap / v, np.where(gap > 0, np.inf, 0.0))


def _end(strata: _Strata, sign: float, z2: float) -> Array:
    """Find the share farthest from the value that is not refused, by halving the logarithm of the multiplier."""
    with np.errstate(divide="ignore"):
        top = np.log(np.where(strata.w > 0, strata.rows / np.maximum(strata.w, 1e-300), 0.0).max(axis=-1))
    low, high = top - 25.0, top + 12.0
    for _ in range(STEPS):
        middle = (low + high) / 2
        _, distance = strata.at(sign * np.exp(middle))
        low, high = np.where(distance < z2, middle, low), np.where(distance < z2, high, middle)
    found, _ = strata.at(sign * np.exp(high))
    return found


def _near_nothing(events: Array, value: Array, low: Array, strata: _Strata, tail: float) -> Array:
    """Lower the lower end of a share of which few events were seen to the quantile of a beta distribution."""
    from scipy.stats import beta

    square = ((strata.w / strata.n) ** 2 * events).sum(axis=-1)
    count = np.where(square > 0, value**2 / np.where(square > 0, square, 1.0), 0.0)
    few = (count > 0) & (count <= FEW + 1e-6)
    if not few.any():
        return low
    k = np.where(few, count, 1.0)
    rows = k / np.where(few, value, 1.0)
    return np.where(few, np.minimum(low, beta.ppf(tail, k + RARE, np.maximum(rows - k, 0.0) + 1 - RARE)), low)
