"""Rules that say again what another rule says: found from votes alone, and heard once."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from weaklabel.label_matrix import VotePatterns
from weaklabel.label_model.cells import Cells
from weaklabel.schema import ABSTAIN

Float = npt.NDArray[np.float64]
Int = npt.NDArray[np.int64]

ALIKE = 0.7
"""A near copy shares at least this part of its and the other rule's votes."""
RANDOM = 4.0
"""A near copy departs at random: the other rules' agreement differs by no more standard errors than this."""
SEEN = 0.5
"""There must be enough rows for a difference of this size to be noticed."""
OVERLAP = 0.3
"""Rules that share more than this part of their votes count less."""
MAX_EVENTS = 2048
"""Co-votes are counted between this many events at most: those with the most votes."""
MAX_PAIRS = 16_000_000
"""Co-votes are counted on a sample of rows that has about this many pairs of votes."""


@dataclass(frozen=True)
class CoVotes:
    """How often two events (a rule, and what it says) occur in the same row.

    Parameters
    ----------
    cells
        (events,) the cell `rule * (codes + 2) + code + 2` of each event.
    counts
        (events, events) rows; upper triangle, with each event's votes on the diagonal.
    unit
        How many rows one observed row stands for; 1 unless rows were sampled.
    """

    cells: Int
    counts: Float
    unit: float


def sampled(votes: VotePatterns | Cells, most: int) -> tuple[Int, Float, float]:
    """Return about `most` distinct rows, the rows each stands for, and the smallest such number.

    A distinct row is drawn with probability min(1, count / unit) by its key, and stands for max(count, unit) rows, so
    that sums are unbiased and the choice depends on content only.

    Examples
    --------
    >>> from weaklabel.label_matrix import as_patterns
    >>> rows, weights, unit = sampled(as_patterns([[0, 1], [0, 1], [1, 1]]), 10)
    >>> len(rows), sorted(weights.tolist()), unit
    (2, [1.0, 2.0], 1.0)
    """
    from weaklabel.kernels.cells import drawn

    counts = votes.counts
    sizes, often = _sizes(counts)
    if often.sum() <= most:
        rows = np.flatnonzero(counts)
        return rows, counts[rows].astype(np.float64), 1.0
    low, high = 0.0, float(sizes @ often) / most
    for _ in range(60):
        unit = (low + high) / 2
        low, high = (unit, high) if often @ np.minimum(1, sizes / unit) > most else (low, unit)
    rows = drawn(votes.keys, counts, high)
    return rows, np.maximum(counts[rows].astype(np.float64), high), max(high, 1.0)


def _sizes(counts: Int) -> tuple[Int, Int]:
    """Return the counts above 0 that occur, ascending, and how often each does."""
    if counts.max(initial=0) < 1 << 20:
        often = np.bincount(counts)
        often[:1] = 0
        sizes = np.flatnonzero(often)
        return sizes, often[sizes]
    sizes, often = np.unique(counts, return_counts=True)
    return sizes[sizes > 0], often[sizes > 0]


def co_votes(votes: VotePatterns | Cells, n_codes: int) -> CoVotes:
    """Count the co-votes of all events of rules (silence -1).

    Examples
    --------
    >>> from weaklabel.label_matrix import as_patterns
    >>> co_votes(as_patterns([[0, 1], [0, 1], [1, -1]]), 2).counts.astype(int).tolist()
    [[2, 0, 2], [0, 1, 0], [0, 0, 2]]
    """
    from weaklabel.kernels.cells import pairs_in
    from weaklabel.kernels.sums import pair_sums

    rows = Cells.of(votes, n_codes)
    heard, pairs = pairs_in(rows.indptr, rows.counts)
    some, weights, unit = sampled(rows, int(MAX_PAIRS / max(1.0, pairs / max(1, heard))) + 1)
    total = np.where(np.repeat(rows.silence == ABSTAIN, rows.width), rows.sums[0], 0)
    total[np.arange(rows.size) % rows.width < 2] = 0
    used = np.flatnonzero(total > 0)
    if len(used) > MAX_EVENTS:
        used = np.flatnonzero(total > np.sort(total)[-MAX_EVENTS - 1])
    number = np.full(rows.size, -1)
    number[used] = np.arange(len(used))
    found = np.zeros((len(used), len(used)))
    own = rows.counts[some]
    alone = own < weights
    for chosen, times, worth in ((~alone, own, 1.0), (alone, np.ones_like(own), unit)):
        if chosen.any():
            parts = rows.indptr, rows.cells, some[chosen], times[chosen]
            found += worth * pair_sums(*parts, number, len(used))
    return CoVotes(used, found, unit)


def shared_votes(found: CoVotes, m: int, n_codes: int) -> Float:
    """Return, for every two rules, the equal votes as a part of all rows where either votes (m, m).

    Examples
    --------
    >>> from weaklabel.label_matrix import as_patterns
    >>> shared_votes(co_votes(as_patterns([[0, 0], [0, -1], [1, 1]]), 2), 2, 2).round(2).tolist()
    [[0.0, 0.67], [0.67, 0.0]]
    """
    width = n_codes + 2
    rule, said = found.cells // width, found.cells % width
    both, total = np.zeros((m, m)), np.zeros(m)
    for c in range(2, width):
        at = np.flatnonzero(said == c)
        both[np.ix_(rule[at], rule[at])] += found.counts[np.ix_(at, at)]
    np.add.at(total, rule, np.diag(found.counts))
    both += both.T
    np.fill_diagonal(both, 0)
    either = total[:, None] + total[None, :] - both
    return np.divide(both, either, out=np.zeros((m, m)), where=either > 0)


def overlap_weights(shared: Float) -> Float:
    """Return what a vote of each rule counts: 1 / (1 + the sum of its overlaps, from 0 at `OVERLAP` to 1).

    Examples
    --------
    >>> overlap_weights(np.array([[0, 0.65], [0.65, 0]])).round(3).tolist()
    [0.667, 0.667]
    """
    extra: Float = np.clip((shared - OVERLAP) / (1 - OVERLAP), 0, 1).sum(axis=1)
    weights: Float = 1 / (1 + extra)
    return weights


def find_copies(
    votes: VotePatterns | Cells, n_codes: int, agree: npt.NDArray[np.bool_] | None = None
) -> tuple[Int, Int, CoVotes | None]:
    """Return for each labeler the one it repeats (itself when none), and the order in which they speak.

    The third answer is the co-votes of the pooled rows, where they were counted already.

    Rules with identical votes are copies. So are rules with `ALIKE` votes of which the one with fewer votes departs
    from the other at random: where it does, the remaining rules agree with the other's votes as often as where it
    does not (within `RANDOM` standard errors, where there are rows enough to tell). Rules that merely look at related
    things fail that test, as the remaining rules tend to side with whichever is right. People are never copies.
    `agree` says which codes agree; None: equal ones.

    Examples
    --------
    >>> from weaklabel.label_matrix import as_patterns
    >>> find_copies(as_patterns([[0, -1, 0], [-1, 1, -1]]), 2)[0].tolist()
    [0, 1, 0]
    """
    rows = Cells.of(votes, n_codes)
    m = len(rows.labelers)
    into = np.arange(m)
    for group in equal_rules(rows):
        into[list(group)] = group[0]
    each, beside = (sums.reshape(m, rows.width)[:, 2:].sum(axis=1) for sums in rows.sums[:2])
    rank = np.empty(m, np.int64)
    rank[np.lexsort((np.arange(m), beside, -each))] = np.arange(m)
    once = pool(rows, into, rank)
    found = co_votes(once, n_codes)
    shared = shared_votes(found, m, n_codes)
    into = into.copy()
    original = np.ones(m, bool)
    for b in np.argsort(rank):
        near = np.flatnonzero((shared[b] >= ALIKE) & (rank < rank[b]) & original)
        for a in near[np.lexsort((rank[near], -shared[b, near]))]:
            others = (shared[a] < ALIKE) & (shared[b] < ALIKE)
            others[[a, b]] = False
            if _at_random(once, int(a), int(b), others, agree):
                into[into == b] = a
                original[b] = False
                break
    return into, rank, found if original.all() else None


def equal_rules(rows: Cells) -> tuple[tuple[int, ...], ...]:
    """Return groups of labelers, by position, with silence -1 and identical votes in every row.

    Examples
    --------
    >>> from weaklabel.label_matrix import as_patterns
    >>> equal_rules(Cells.of(as_patterns([[0, -1, 0], [-1, 1, -1]]), 2))
    ((0, 2),)
    """
    m = len(rows.labelers)
    counts, _, keys, _ = (sums.reshape(m, rows.width) for sums in rows.sums)
    alike: dict[bytes, list[int]] = {}
    for j in np.flatnonzero(rows.silence == ABSTAIN).tolist():
        alike.setdefault(counts[j].tobytes() + keys[j].tobytes(), []).append(j)
    groups: dict[tuple[bytes, bytes], list[int]] = {}
    for j in sorted(j for group in alike.values() if len(group) > 1 for j in group):
        own = np.flatnonzero(rows.cells // rows.width == j)
        events = np.searchsorted(rows.indptr, own, "right"), rows.cells[own] % rows.width
        groups.setdefault((events[0].tobytes(), events[1].tobytes()), []).append(j)
    return tuple(tuple(group) for group in groups.values() if len(group) > 1)


def pool(rows: Cells, into: Int, rank: Int) -> Cells:
    """Return the rows in which copies speak through one labeler: the first of them, by `rank`, that votes.

    Examples
    --------
    >>> from weaklabel.label_matrix import as_patterns
    >>> pool(Cells.of(as_patterns([[0, 1]]), 2), np.array([0, 0]), np.array([0, 1])).cells.tolist()
    [2]
    """
    members = np.bincount(into, minlength=len(into))
    if members.max(initial=0) <= 1:
        return rows
    from weaklabel.kernels.cells import pool_cells

    indptr, cells = pool_cells(rows.indptr, rows.cells, into, rank, members, rows.width)
    return replace(rows, indptr=indptr, cells=cells)


def _at_random(
    rows: Cells, a: int, b: int, others: npt.NDArray[np.bool_], agree: npt.NDArray[np.bool_] | None
) -> bool:
    from weaklabel.kernels.sums import departures

    sums = departures(rows.indptr, rows.cells, rows.counts, rows.width, np.array([a, b]), others, agree)
    heard = sums[:, 0]
    if not heard.all():
        return False
    share = sums[:, 1] / heard
    spread = sums[:, 2].sum() / heard.sum() - (sums[:, 1].sum() / heard.sum()) ** 2
    limit = RANDOM * np.sqrt(max(spread, 0) * (1 / heard).sum() + 1e-12)
    return bool(abs(share[0] - share[1]) <= limit <= SEEN)
