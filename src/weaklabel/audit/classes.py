"""Precision, recall, F1 and prevalence of each label, from any mixture of draws."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from weaklabel.audit.estimates import LEAST, METHOD, Figure, Found, bounded, extremes, figure
from weaklabel.audit.ratios import Ends, f1_of_jaccard, share_of_sum
from weaklabel.audit.sample import Sample
from weaklabel.stats import Estimate, undefined

CLASS_FIGURES = ("precision", "recall", "F1", "prevalence")
STEP = 0.3
"""Continuity correction of figures of one label, which rest on few rows; see `stratified_proportion`."""


@dataclass(frozen=True)
class Shares:
    """What a label's figures are made of, as shares of all rows, each with its interval.

    Parameters
    ----------
    given
        Share of rows that have the label: known.
    right
        Rows that have it rightly.
    missed
        Rows that should have it and don't.
    """

    given: float
    right: Ends
    missed: Ends


def class_figures(
    sample: Sample, labels: list[str] | None = None, *, confidence: float = 0.95
) -> list[Figure]:
    """Return precision, recall, F1 and prevalence of each label.

    Parameters
    ----------
    sample
        From `collect`. Recall is of the rows that the draws were made from: draw from rows without a label too
        where those that nobody labeled are to count as missed.
    labels
        Names; None: all that were given or found.
    confidence
        Nominal coverage of each interval.

    Notes
    -----
    With A the share of rows that have the label rightly and M the share of those that should have it and don't,
    precision is A over the known share that has it, recall A / (A + M), and the Jaccard index, of which F1 is
    2J / (1 + J), A over that share plus M. A and M come from different strata where strata follow labels.

    Examples
    --------
    >>> from weaklabel.audit.sample import collect
    >>> from weaklabel.gold.sampling import draw
    >>> rows = pl.DataFrame({"id": [f"r{i}" for i in range(40)], "label": ["x"] * 30 + ["y"] * 10})
    >>> gold = rows.with_columns(label=pl.Series(["x"] * 20 + ["y"] * 20))
    >>> found = class_figures(collect(rows, draw(rows, 40, seed=1, purpose="audit").frame, gold), ["y"])
    >>> [(f.figure, round(f.estimate.value, 3)) for f in found]
    [('precision', 1.0), ('recall', 0.5), ('F1', 0.667), ('prevalence', 0.5)]
    """
    if labels is None:
        named = pl.concat([sample.population["label"], sample.rows["gold"]]).drop_nulls()
        labels = named.unique().sort().to_list()
    found = []
    for label in labels:
        found += _of_label(sample, label, confidence)
    return found


def recall_and_f1(shares: Shares) -> tuple[Ends, Ends]:
    """Return recall and F1 with intervals, of one or of many samples.

    Examples
    --------
    >>> ends = lambda *v: tuple(np.array([x]) for x in v)
    >>> recall, f1 = recall_and_f1(Shares(0.5, ends(0.4, 0.35, 0.45), ends(0.1, 0.05, 0.2)))
    >>> round(float(recall[0][0]), 3), round(float(f1[0][0]), 3)
    (0.8, 0.8)
    """
    m, least, most = (np.asarray(v) for v in shares.missed)
    jaccard = _over(shares.right, (shares.given + m, shares.given + least, shares.given + most))
    return share_of_sum(shares.right, shares.missed), f1_of_jaccard(jaccard)


def _over(part: Ends, whole: Ends) -> Ends:
    """Return part / whole: the odds that `share_of_sum` is made of."""
    value, low, high = share_of_sum(part, whole)
    with np.errstate(divide="ignore", invalid="ignore"):
        found = [np.minimum(v / (1 - v), 1.0) for v in (value, low, high)]
    return found[0], found[1], found[2]


def _of_label(sample: Sample, label: str, confidence: float) -> list[Figure]:
    rows = sample.rows
    inside = rows["inside"].to_numpy()
    given = inside & (rows["label"] == label).fill_null(False).to_numpy()
    others = inside & ~given
    gold = (rows["gold"] == label).fill_null(False).to_numpy()
    known = rows["answered"].to_numpy()
    share = sample.population.select((pl.col("label") == label).fill_null(False).mean()).item()

    def both(part: np.ndarray) -> tuple[Found, Found] | None:
        return extremes(sample, gold & part, part, part & ~known, confidence, STEP)

    precision = bounded(sample, gold & given, given, given & ~known, confidence, STEP)
    prevalence = bounded(sample, gold & inside, inside, inside & ~known, confidence, STEP)
    drawn = tuple(int((part & known).sum()) for part in (given, others, gold))
    return [
        figure("precision", label, precision, given & known),
        *_recall_figures(label, share, both(given), both(others), drawn),
        figure("prevalence", label, prevalence, inside & known),
    ]


def _recall_figures(
    label: str,
    share: float,
    right: tuple[Found, Found] | None,
    missed: tuple[Found, Found] | None,
    drawn: tuple[int, ...],
) -> list[Figure]:
    """Return recall and F1; whether there are enough labels is decided by the draw, never by what was found."""
    given, others, n = drawn
    few = (share > 0 and (right is None or given < LEAST)) or (
        share < 1 and (missed is None or others < LEAST)
    )
    exact = all(part is None or part[1][2] - part[0][1] < 1e-9 for part in (right, missed))
    if not n or (few and not exact):
        return [Figure(name, label, undefined(n=n, method=METHOD), LEAST) for name in ("recall", "F1")]
    a, m = _scaled(right, share), _scaled(missed, 1 - share)
    lower = recall_and_f1(Shares(share, a[0], m[1]))
    upper = recall_and_f1(Shares(share, a[1], m[0]))
    found = []
    for name, low, high in zip(("recall", "F1"), lower, upper, strict=True):
        value = float(np.nanmean([low[0][0], high[0][0]]))
        found.append(
            Figure(name, label, Estimate(value, float(low[1][0]), float(high[2][0]), n, method=METHOD))
        )
    return found


def _scaled(found: tuple[Found, Found] | None, share: float) -> tuple[Ends, Ends]:
    worst, best = ((0.0, 0.0, 0.0, 0),) * 2 if found is None else found
    return _ends(worst, share), _ends(best, share)


def _ends(found: Found, share: float) -> Ends:
    value, low, high = (np.array([v * share]) for v in found[:3])
    return value, low, high
