"""Precision and recall over all thresholds, from the probabilities of candidates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from weaklabel.evaluate.metrics import MIN_BOOTSTRAP
from weaklabel.evaluate.tag_rows import TagRows
from weaklabel.stats import Estimate, wilson

POINTS = 50
"""Points of a curve at most; average precision reads all of them."""
BLOCK_BYTES = 8 * 2**20
"""Memory that the sums of one block of resamples may take."""

CURVE_COLUMNS: dict[str, Any] = {
    "tag": pl.String,
    "threshold": pl.Float64,
    "n_given": pl.Int64,
    **{name + end: pl.Float64 for name in ("precision", "recall") for end in ("", "_low", "_high")},
}
"""A point of a curve: what holds when all candidates from a threshold on are given; `tag` is null for all together."""


@dataclass(frozen=True)
class Ranking:
    """Candidates in falling order of probability, those of one probability as one step; g steps, n rows.

    Parameters
    ----------
    total, positive
        CSR arrays (g, n): candidates of each row at a step, and those that gold has.
    start
        First step of the same tag, int64 (g,).
    tag
        Tag of each step, int64 (g,); all 0 where tags are pooled.
    threshold
        Probability of each step, (g,).
    gold
        CSR array (tags, n): the gold labels of each row, that a curve's recall is a share of.
    width
        Pairs of row and tag that a row stands for: 1, or the number of tags where these are pooled.
    points
        Steps that `read` tells about: of a pooled ranking, those that are shown.
    """

    total: Any
    positive: Any
    start: np.ndarray
    tag: np.ndarray
    threshold: np.ndarray
    gold: Any
    width: int
    points: np.ndarray

    def read(self, counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return average precision (b, tags) and precision, then recall, at the points (b, 2 m), of row counts (b, n).

        NaN: the resample has no gold label, or no candidate above the threshold.
        """
        block = max(1, BLOCK_BYTES // (48 * max(len(self.tag), 1)))
        parts = [self._read(counts[at : at + block]) for at in range(0, len(counts), block)]
        return np.concatenate([ap for ap, _ in parts]), np.concatenate([points for _, points in parts])

    def sums(self, counts: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return gold labels (tags, b), and right and all candidates at each step (g, b)."""
        columns = np.ascontiguousarray(counts.T)
        return self.gold @ columns, self.positive @ columns, self.total @ columns

    def down(self, steps: np.ndarray) -> np.ndarray:
        """Return the running sums (g, b) of steps within each tag."""
        run = np.cumsum(steps, axis=0)
        later = np.flatnonzero(self.start)
        if len(later):
            run[later] -= run[self.start[later] - 1]
        return run

    def _read(self, counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        gold, own, total = self.sums(counts)
        hit, given = self.down(own), self.down(total)
        precision = np.divide(hit, given, out=np.zeros_like(hit), where=given > 0)
        share = np.divide(1.0, gold, out=np.full(gold.shape, np.nan), where=gold > 0)
        at = self.points
        shown = np.where(given[at] > 0, precision[at], np.nan)
        points = np.vstack([shown, hit[at] * share[self.tag[at]]]).T
        missed = gold - self._of_tags(own)
        np.multiply(own, precision, out=own)
        ap = self._of_tags(own) * share + missed / (counts.sum(axis=1) * self.width)
        ap[gold == 0] = np.nan
        return ap.T, points

    def _of_tags(self, steps: np.ndarray) -> np.ndarray:
        """Return the sums of steps (g, b) by tag (tags, b)."""
        from scipy import sparse

        g = len(self.tag)
        member = sparse.csr_array((np.ones(g), (self.tag, np.arange(g))), shape=(self.gold.shape[0], g))
        return np.asarray(member @ steps)


def ranking(rows: TagRows, *, pooled: bool) -> Ranking:
    """Return the candidates of rows in falling order, tag by tag or all together.

    A tag that is no candidate of a row counts as one of probability 0.
    """
    from scipy import sparse

    n, k = len(rows), len(rows.names)
    pairs = rows.scores.tocoo()
    row, column, score = (np.asarray(x) for x in (*pairs.coords, pairs.data))
    marks = rows.gold.tocoo().coords
    right = np.isin(row.astype(np.int64) * k + column, marks[0].astype(np.int64) * k + marks[1])
    tag = np.zeros_like(column) if pooled else column
    order = np.lexsort((row, -score, tag))
    row, tag, score, right = row[order], tag[order].astype(np.int64), score[order], right[order]
    first = np.ones(len(tag), dtype=bool)
    first[1:] = (np.diff(tag) != 0) | (np.diff(score) != 0)
    step = np.cumsum(first) - 1
    shape = (int(first.sum()), n)
    _, begin, size = np.unique(tag[first], return_index=True, return_counts=True)
    start = np.repeat(begin, size).astype(np.int64)
    gold = rows.gold.T.tocsr()
    return Ranking(
        total=sparse.csr_array((np.ones(len(step)), (step, row)), shape=shape),
        positive=sparse.csr_array((np.ones(int(right.sum())), (step[right], row[right])), shape=shape),
        start=start,
        tag=tag[first],
        threshold=score[first],
        gold=sparse.csr_array(np.asarray(gold.sum(axis=0)).reshape(1, n)) if pooled else gold,
        width=k if pooled else 1,
        points=_thinned(start if pooled else start[:0]),
    )


def curve_table(
    pooled: Ranking | None,
    own: Ranking | None,
    rows: TagRows,
    found: Sequence[Estimate],
    *,
    confidence: float,
) -> pl.DataFrame:
    """Return the points of the curve of all tags together, then of each tag that has gold rows.

    Parameters
    ----------
    pooled, own
        Rankings of all tags together and of each; None: there are no probabilities.
    rows
        The rows that were ranked.
    found
        Estimates of precision, then of recall, at the points of `pooled`.
    confidence
        Of Wilson's intervals of the tags' own curves.
    """
    if pooled is None or own is None:
        return pl.DataFrame(schema=CURVE_COLUMNS)
    once = np.ones((1, len(rows)))
    given = pooled.down(pooled.sums(once)[2])
    m = len(pooled.points)
    lines = [
        _line(
            None,
            pooled.threshold[at],
            given[at, 0],
            _rested(precision, min(given[at, 0], len(rows)), confidence),
            _rested(recall, len(rows), confidence),
        )
        for at, precision, recall in zip(pooled.points, found[:m], found[m:], strict=True)
    ]
    gold, hit, given = own.sums(once)
    hit, given = own.down(hit), own.down(given)
    for at in _thinned(own.start):
        tag = own.tag[at]
        if gold[tag, 0]:
            precision = wilson(hit[at, 0], given[at, 0], confidence=confidence)
            recall = wilson(hit[at, 0], gold[tag, 0], confidence=confidence)
            lines.append(_line(rows.names[tag], own.threshold[at], given[at, 0], precision, recall))
    return pl.DataFrame(lines, schema=CURVE_COLUMNS, orient="row")


def _rested(estimate: Estimate, n: float, confidence: float) -> Estimate:
    """Give Wilson's interval on rows where resampling shows no spread."""
    if estimate.value is None or estimate.low is not None or estimate.n < MIN_BOOTSTRAP:
        return estimate
    return wilson(min(estimate.value, 1.0) * n, n, confidence=confidence)


def _line(tag: str | None, threshold: float, given: float, *estimates: Estimate) -> tuple[Any, ...]:
    return (
        tag,
        float(threshold),
        round(given),
        *(end for e in estimates for end in (e.value, e.low, e.high)),
    )


def _thinned(start: np.ndarray) -> np.ndarray:
    """Return the steps that are shown: of each tag the first, the last, and some evenly between."""
    chosen = [
        begin + np.unique(np.linspace(0, size - 1, min(size, POINTS)).round().astype(np.int64))
        for begin, size in zip(*(x.tolist() for x in np.unique(start, return_counts=True)), strict=True)
    ]
    return np.concatenate([np.zeros(0, dtype=np.int64), *chosen])
