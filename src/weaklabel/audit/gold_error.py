"""How wrong the gold itself is, from a blind second look at a random share of it, and how far figures move by that."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

import polars as pl

from weaklabel.audit.estimates import Figure
from weaklabel.errors import GoldError, some
from weaklabel.gold.sampling import Draw, draw
from weaklabel.stats import Estimate, clopper_pearson, undefined

LEAST_PAIRS = 20
"""With fewer rows looked at twice nothing is said about the error of gold."""


@dataclass(frozen=True)
class SecondLook:
    """How often adjudicated gold is wrong, as far as a blind second adjudication tells; made by `second_look`.

    Parameters
    ----------
    rows
        Rows that were adjudicated twice.
    differing
        Rows of them on which the two differ.
    disagreement
        Share of rows on which two adjudications differ, with its exact interval.
    error
        Share of gold that is wrong, with its interval.

    Examples
    --------
    >>> first = pl.DataFrame({"id": [f"r{i}" for i in range(100)], "label": ["x"] * 100})
    >>> second = first.with_columns(label=pl.Series(["y"] * 4 + ["x"] * 96))
    >>> print(second_look(first, second))
    two blind adjudications differ on 4 of 100 rows: about 2.0 % of gold is wrong (between 0.6 and 5.2 %)
    """

    rows: int
    differing: int
    disagreement: Estimate
    error: Estimate

    def __str__(self) -> str:
        e = self.error
        if e.value is None or e.low is None or e.high is None:
            return (
                f"how often gold is wrong is not known: {self.rows} rows were adjudicated twice, "
                f"and it takes {LEAST_PAIRS}"
            )
        value, low, high = (f"{100 * v:.1f}" for v in (e.value, e.low, e.high))
        return (
            f"two blind adjudications differ on {self.differing} of {self.rows} rows: about {value} % of gold is "
            f"wrong (between {low} and {high} %)"
        )

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for JSON."""
        return asdict(self)


@dataclass(frozen=True)
class Moved:
    """How far a figure may be off because gold is wrong at times; made by `moved`.

    Parameters
    ----------
    figure
        The figure against adjudicated gold.
    evenly
        What it is if gold errs as often on right labels as on wrong ones, and never to the same wrong label; None
        where that has no meaning.
    low, high
        Ends of its interval, moved as far as any pattern of that many errors in gold can move them.

    Examples
    --------
    >>> first = pl.DataFrame({"id": [f"r{i}" for i in range(100)], "label": ["x"] * 100})
    >>> second = first.with_columns(label=pl.Series(["y"] * 4 + ["x"] * 96))
    >>> figure = Figure("accuracy", "all rows", Estimate(0.9, 0.86, 0.93, 200))
    >>> print(moved(figure, second_look(first, second)))
    accuracy of all rows: if gold is wrong as often as its second look says, between 80.8 and 98.2 %
    """

    figure: Figure
    evenly: float | None
    low: float | None
    high: float | None

    def __str__(self) -> str:
        name = f"{self.figure.figure} of {self.figure.part}"
        if self.low is None or self.high is None:
            return f"{name}: how far it moves by wrong gold is not known"
        return (
            f"{name}: if gold is wrong as often as its second look says, between {100 * self.low:.1f} and "
            f"{100 * self.high:.1f} %"
        )

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for JSON."""
        return asdict(self)


def plan_second_look(audited: pl.DataFrame, size: int, *, seed: int, purpose: str = "second look") -> Draw:
    """Return the rows that are to be adjudicated again, blind: a simple random sample of those that have gold.

    Parameters
    ----------
    audited
        Rows with gold, column `id`.
    size
        Rows to look at again.
    seed, purpose
        Of the draw.

    Raises
    ------
    GoldError
        Fewer rows than a second look takes.

    Examples
    --------
    >>> len(plan_second_look(pl.DataFrame({"id": [f"r{i}" for i in range(100)]}), 25, seed=1))
    25
    """
    if size < LEAST_PAIRS:
        raise GoldError(
            f"a second look at {size} rows shows nothing: it takes {LEAST_PAIRS}",
            hint="60 rows without a difference show that at most 3 % of gold is wrong",
        )
    return draw(audited.select("id"), size, seed=seed, purpose=purpose)


def second_look(first: pl.DataFrame, second: pl.DataFrame, *, confidence: float = 0.95) -> SecondLook:
    """Return how wrong gold is, from adjudications of the same rows by people who did not see the first.

    Parameters
    ----------
    first, second
        `id` and `label`; null: none of the labels fits. Every id of the second stands in the first.
    confidence
        Of the interval.

    Raises
    ------
    GoldError
        A row was looked at again that has no gold, or stands twice.

    Notes
    -----
    Two adjudications that err alike often and independently, at rate e, differ on a share d of rows with
    2e(1 - e) <= d <= 2e(1 - e) + e^2, as two wrong ones may name different labels. The error is taken as
    (1 - sqrt(1 - 2d)) / 2, the larger of the two that this allows. Errors that both make, because the guideline is
    wrong or the row misleads everybody, can't be seen this way.
    """
    for name, frame in (("first", first), ("second", second)):
        if frame["id"].n_unique() < frame.height:
            raise GoldError(f"an id stands more than once in the {name} adjudication")
    both = second.select("id", pl.col("label").alias("again")).join(first.select("id", "label"), on="id")
    if both.height < second.height:
        extra = second.filter(~pl.col("id").is_in(first["id"].implode()))["id"].sort()
        raise GoldError(f"{extra.len()} rows were looked at again that have no gold: {some(extra)}")
    n = both.height
    differing = both.filter(pl.col("label").ne_missing(pl.col("again"))).height
    if n < LEAST_PAIRS:
        return SecondLook(n, differing, undefined(n=n), undefined(n=n))
    found = clopper_pearson(differing, n, confidence=confidence)
    value, low, high = (_half(v) for v in (found.value, found.low, found.high))
    error = Estimate(value, low, high, n, method="half the disagreement")
    return SecondLook(n, differing, found, error)


def moved(figure: Figure, look: SecondLook, *, part: float = 1.0) -> Moved:
    """Return how far a figure may be off because gold is wrong as often as a second look says.

    Parameters
    ----------
    figure
        Accuracy, precision, recall or another share.
    look
        From `second_look`.
    part
        Share of the corpus that the figure is about: the share of a label for its precision, its prevalence for its
        recall. All wrong gold may lie in it.

    Notes
    -----
    Each row of wrong gold moves the count of right labels by at most one, so that a share of a part of the corpus
    moves by at most error / part. `evenly` solves a = p(1 - e) + (1 - p) e c for p, with c = 0: gold that is wrong on
    a wrong label names the given one by accident only.
    """
    found, e = figure.estimate, look.error
    if found.value is None or found.low is None or found.high is None or e.value is None or e.high is None:
        return Moved(figure, None, None, None)
    if not 0 < part <= 1:
        raise GoldError(f"a part is a share of the corpus above 0, not {part}")
    far = e.high / part
    evenly = min(1.0, found.value / (1 - e.value)) if e.value < 1 else None
    return Moved(figure, evenly, max(0.0, found.low - far), min(1.0, found.high + far))


def too_near(look: SecondLook, tolerated: float) -> str | None:
    """Return why an error of that size can't be certified against this gold, or None.

    Parameters
    ----------
    look
        From `second_look`.
    tolerated
        Error that is to be certified.

    Examples
    --------
    >>> same = pl.DataFrame({"id": [f"r{i}" for i in range(200)], "label": ["x"] * 200})
    >>> too_near(second_look(same, same), 0.05) is None
    True
    """
    e = look.error
    if e.value is None or e.high is None:
        return None
    if e.value >= tolerated / 2:
        return (
            f"about {e.value:.1%} of gold is wrong, and that is half of the {tolerated:.1%} to be certified, or more: "
            "mend the guideline and adjudicate again first"
        )
    return None


def _half(disagreement: float | None) -> float | None:
    if disagreement is None:
        return None
    return (1 - math.sqrt(max(0.0, 1 - 2 * disagreement))) / 2
