"""How right labels are: of all rows, of parts of them, and of each band of confidence."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from weaklabel.audit.proportions import STEP
from weaklabel.audit.sample import Sample, mean_interval
from weaklabel.errors import GoldError
from weaklabel.slices import Slices, slice_members
from weaklabel.stats import Estimate, undefined

FIGURES: dict[str, Any] = {
    "figure": pl.String,
    "part": pl.String,
    "value": pl.Float64,
    "low": pl.Float64,
    "high": pl.Float64,
    "n": pl.Int64,
    "needed": pl.Int64,
    "says": pl.String,
}
"""Columns of a table of figures; `needed` is the number of labels it takes where there are too few, else null."""

ALL = "all rows"
METHOD = "stratified score interval, against adjudicated gold"
LEAST = 10
"""With fewer gold labels than this a figure is not said."""
BANDS = 5
"""Bands of confidence, of equally many rows, that calibration is judged by."""


@dataclass(frozen=True)
class Figure:
    """One figure of an audit with its interval, or why there is none.

    Parameters
    ----------
    figure
        "accuracy", "precision", …
    part
        Of which rows: "all rows", a label, a slice, a value of a column.
    estimate
        Value and interval; not measured where too few labels were drawn.
    needed
        Labels it takes, where there are too few.

    Examples
    --------
    >>> print(Figure("accuracy", "all rows", Estimate(0.9, 0.86, 0.93, 200)))
    accuracy of all rows: 90.0 %, between 86.0 and 93.0 %, against adjudicated gold (200 labels)
    >>> print(Figure("recall", "spam", undefined(n=3), needed=10))
    recall of spam: too few labels to say (3; it takes 10)
    """

    figure: str
    part: str
    estimate: Estimate
    needed: int | None = None

    def __str__(self) -> str:
        found, name = self.estimate, f"{self.figure} of {self.part}"
        if found.value is None or found.low is None or found.high is None:
            takes = f"; it takes {self.needed}" if self.needed else ""
            return f"{name}: too few labels to say ({found.n}{takes})"
        value, low, high = (f"{100 * v:.1f}" for v in (found.value, found.low, found.high))
        return f"{name}: {value} %, between {low} and {high} %, against adjudicated gold ({found.n} labels)"


def figures_table(figures: Sequence[Figure]) -> pl.DataFrame:
    """Return figures as a table with the columns of `FIGURES`.

    Examples
    --------
    >>> figures_table([Figure("accuracy", "all rows", Estimate(0.9, 0.86, 0.93, 200))])["low"].to_list()
    [0.86]
    """
    rows = [
        {
            "figure": f.figure,
            "part": f.part,
            "value": f.estimate.value,
            "low": f.estimate.low,
            "high": f.estimate.high,
            "n": f.estimate.n,
            "needed": f.needed,
            "says": str(f),
        }
        for f in figures
    ]
    return pl.DataFrame(rows, schema=FIGURES)


def accuracy(sample: Sample, *, confidence: float = 0.95) -> Figure:
    """Return the share of right labels among the rows that have one.

    Rows without an answer are counted as wrong for the lower end and as right for the upper one.

    Examples
    --------
    >>> from weaklabel.audit.sample import collect
    >>> from weaklabel.gold.sampling import draw
    >>> rows = pl.DataFrame({"id": [f"r{i}" for i in range(40)], "label": ["x", "y"] * 20})
    >>> drawn = draw(rows, 40, seed=1, purpose="audit").frame
    >>> print(accuracy(collect(rows, drawn, rows.with_columns(label=pl.lit("x")))))
    accuracy of all rows: 50.0 %, between 50.0 and 50.0 %, against adjudicated gold (40 labels)
    """
    return _accuracy(sample, _labeled(sample), ALL, confidence)


def accuracy_by_slice(
    sample: Sample, slices: Slices, frame: pl.DataFrame | None = None, *, confidence: float = 0.95
) -> list[Figure]:
    """Return the accuracy of named parts of the corpus.

    Parameters
    ----------
    sample
        From `collect`.
    slices
        Name to condition; see `weaklabel.slices`.
    frame
        Rows with `id` and the columns that slices name; None: the population.
    confidence
        Nominal coverage of each interval.
    """
    ids = sample.rows["id"].unique().sort()
    rows = sample.population if frame is None else frame
    members = slice_members(rows, slices, ids, of="drawn")
    place = {id: i for i, id in enumerate(ids)}
    at = np.array([place[id] for id in sample.rows["id"]])
    return [
        _accuracy(sample, _labeled(sample) & inside[at], name, confidence) for name, inside in members.items()
    ]


def accuracy_by(sample: Sample, column: str, *, confidence: float = 0.95) -> list[Figure]:
    """Return the accuracy for each value of a column of the population, such as a source or a month.

    Raises
    ------
    GoldError
        The population has no such column.
    """
    if column not in sample.population.columns:
        raise GoldError(f"the rows to audit have no column {column!r}", available=sample.population.columns)
    values = sample.population[column].cast(pl.String).unique().sort()
    own = sample.rows[column].cast(pl.String)
    return [
        _accuracy(
            sample, _labeled(sample) & own.eq_missing(value).to_numpy(), f"{column} {value}", confidence
        )
        for value in values
    ]


def calibration(sample: Sample, *, confidence: float = 0.95) -> list[Figure]:
    """Return how far confidences are from the truth: the mean gap, the calibration error, and accuracy by band.

    Notes
    -----
    Confidences are known of every row, so only the accuracies are estimated. The gap is mean confidence minus
    accuracy: above 0, labels are less often right than their confidence says. The calibration error is the mean over
    bands of the distance between confidence and accuracy; its interval holds for any band's accuracy within intervals
    that hold for all bands together (Bonferroni), so it is wide and never too narrow.
    """
    rows = sample.population.filter(pl.col("label").is_not_null() & pl.col("confidence").is_not_null())
    if not rows.height:
        return []
    known = _labeled(sample) & sample.rows["confidence"].is_not_null().to_numpy()
    whole = _accuracy(sample, known, "rows with a confidence", confidence)
    edges = np.unique(np.quantile(rows["confidence"].to_numpy(), np.arange(1, BANDS) / BANDS))
    of_row = np.searchsorted(edges, rows["confidence"].to_numpy(), side="left")
    drawn = np.searchsorted(edges, sample.rows["confidence"].fill_null(0.0).to_numpy(), side="left")
    bands = [b for b in range(len(edges) + 1) if (of_row == b).any()]
    means = {b: float(rows["confidence"].to_numpy()[of_row == b].mean()) for b in bands}
    level = 1 - (1 - confidence) / len(bands)
    each = {
        b: _accuracy(sample, known & (drawn == b), f"confidence about {means[b]:.2f}", level) for b in bands
    }
    shares = {b: float((of_row == b).mean()) for b in bands}
    gap = _gap(whole, float(rows["confidence"].to_numpy().mean()))
    return [gap, _calibration_error(each, means, shares), *each.values()]


def labels_for(half_width: float, share: float, *, confidence: float = 0.95) -> int:
    """Return about how many labels of a simple sample show a share to within a half width.

    Examples
    --------
    >>> labels_for(0.05, 0.9)
    139
    """
    from statistics import NormalDist

    z = NormalDist().inv_cdf((1 + confidence) / 2)
    return max(LEAST, math.ceil(z * z * share * (1 - share) / half_width**2))


Found = tuple[float, float, float, int]
"""Value, lower end, upper end, rows."""


def bounded(
    sample: Sample,
    hits: np.ndarray,
    base: np.ndarray,
    unknown: np.ndarray,
    confidence: float,
    step: float = STEP,
) -> Found | None:
    """Return `mean_interval`, its ends taken for the worst and the best that unanswered rows can be."""
    both = extremes(sample, hits, base, unknown, confidence, step)
    if both is None:
        return None
    worst, best = both
    return (worst[0] + best[0]) / 2, worst[1], best[2], int((base & ~unknown).sum())


def extremes(
    sample: Sample,
    hits: np.ndarray,
    base: np.ndarray,
    unknown: np.ndarray,
    confidence: float,
    step: float = STEP,
) -> tuple[Found, Found] | None:
    """Return `mean_interval` if no unanswered row is a hit, and if all are."""
    worst = mean_interval(sample, hits & ~unknown, base, step=step, confidence=confidence)
    if worst is None or not unknown.any():
        return None if worst is None else (worst, worst)
    best = mean_interval(sample, hits | unknown, base, step=step, confidence=confidence)
    return None if best is None else (worst, best)


def _accuracy(sample: Sample, base: np.ndarray, part: str, confidence: float) -> Figure:
    right = sample.rows["label"].eq_missing(sample.rows["gold"]).to_numpy() & base
    unknown = base & ~sample.rows["answered"].to_numpy()
    return figure("accuracy", part, bounded(sample, right, base, unknown, confidence), base & ~unknown)


def figure(
    name: str, part: str, found: tuple[float, float, float, int] | None, base: np.ndarray, needed: int = LEAST
) -> Figure:
    """Return a figure, or that there are too few labels for it.

    Examples
    --------
    >>> figure("recall", "spam", None, np.array([True, False])).estimate.n
    1
    """
    n = int(base.sum())
    if found is None or (n < needed and found[2] - found[1] > 1e-9):
        return Figure(name, part, undefined(n=n, method=METHOD), needed)
    return Figure(name, part, Estimate(*found[:3], n, method=METHOD))


def _labeled(sample: Sample) -> np.ndarray:
    return (sample.rows["inside"] & sample.rows["label"].is_not_null()).to_numpy()


def _gap(whole: Figure, mean: float) -> Figure:
    found = whole.estimate
    if found.value is None or found.low is None or found.high is None:
        return Figure("confidence minus accuracy", whole.part, found, whole.needed)
    gap = Estimate(mean - found.value, mean - found.high, mean - found.low, found.n, method=METHOD)
    return Figure("confidence minus accuracy", whole.part, gap)


def _calibration_error(
    each: Mapping[int, Figure], means: Mapping[int, float], shares: Mapping[int, float]
) -> Figure:
    n = sum(f.estimate.n for f in each.values())
    value = low = high = 0.0
    for b, f in each.items():
        e = f.estimate
        if e.value is None or e.low is None or e.high is None:
            return Figure("calibration error", ALL, undefined(n=n, method=METHOD), LEAST * len(each))
        value += shares[b] * abs(means[b] - e.value)
        low += shares[b] * max(0.0, means[b] - e.high, e.low - means[b])
        high += shares[b] * max(abs(means[b] - e.low), abs(e.high - means[b]))
    return Figure(
        "calibration error", ALL, Estimate(value, low, high, n, method=METHOD + ", Bonferroni over bands")
    )
