"""Rules that say again what another rule says: found from votes alone, and heard once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from weaklabel.label_matrix import VotePatterns
from weaklabel.label_model.duplicates import duplicate_groups
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
MAX_PAIRS = 50_000_000
"""Co-votes are counted on a sample of rows that has about this many pairs of votes."""


@dataclass(frozen=True)
class CoVotes:
    """How often two events (a rule, a class) occur in the same row.

    Parameters
    ----------
    cells
        (events,) the cell `rule * (k + 2) + class + 2` of each event.
    counts
        (events, events) rows; upper triangle, with each event's votes on the diagonal.
    unit
        How many rows one observed row stands for; 1 unless rows were sampled.
    """

    cells: Int
    counts: Float
    unit: float


def sampled(patterns: VotePatterns, most: int) -> tuple[Int, Float, float]:
    """Return about `most` patterns, the rows each stands for, and the smallest such number.

    A pattern is drawn with probability min(1, count / unit) by its key, and stands for max(count, unit) rows, so
    that sums are unbiased and the choice depends on content only.

    Examples
    --------
    >>> from weaklabel.label_matrix import as_patterns
    >>> rows, weights, unit = sampled(as_patterns([[0, 1], [0, 1], [1, 1]]), 10)
    >>> len(rows), sorted(weights.tolist()), unit
    (2, [1.0, 2.0], 1.0)
    """
    counts = patterns.counts.astype(np.float64)
    if len(counts) <= most:
        return np.arange(len(counts)), counts, 1.0
    from weaklabel.kernels.patterns import mix

    sizes, often = np.unique(patterns.counts, return_counts=True)
    low, high = 0.0, counts.sum() / most
    for _ in range(60):
        unit = (low + high) / 2
        low, high = (unit, high) if often @ np.minimum(1, sizes / unit) > most else (low, unit)
    place = (mix(patterns.keys).view(np.uint64) >> np.uint64(11)) / float(2**53)
    rows = np.flatnonzero(place < counts / high)
    return rows, np.maximum(counts[rows], high), max(high, 1.0)


def co_votes(patterns: VotePatterns, n_classes: int) -> CoVotes:
    """Count the co-votes of all events of rules (silence -1).

    Examples
    --------
    >>> from weaklabel.label_matrix import as_patterns
    >>> co_votes(as_patterns([[0, 1], [0, 1], [1, -1]]), 2).counts.astype(int).tolist()
    [[2, 0, 2], [0, 1, 0], [0, 0, 2]]
    """
    from weaklabel.kernels import em
    from weaklabel.kernels.patterns import event_sums, take_events

    width = n_classes + 2
    m = len(patterns.labelers)
    size = m * width
    rows_each = np.diff(patterns.indptr)
    pairs = max(1.0, float((rows_each * (rows_each + 1) / 2).sum()) / max(1, len(patterns)))
    rows, weights, unit = sampled(patterns, int(MAX_PAIRS / pairs) + 1)
    counted, _ = event_sums(
        patterns.indptr, patterns.labeler_index, patterns.codes, patterns.counts, m, n_classes
    )
    table = np.zeros((m, width), np.int64)
    table[:, 2:] = counted * (patterns.silence == ABSTAIN)[:, None]
    votes = table.reshape(-1)
    used = np.flatnonzero(votes > 0)
    if len(used) > MAX_EVENTS:
        used = np.flatnonzero(votes > np.sort(votes)[-MAX_EVENTS - 1])
    number = np.full(size, -1)
    number[used] = np.arange(len(used))
    indptr, who, codes = patterns.indptr, patterns.labeler_index, patterns.codes
    if len(rows) < len(patterns):
        indptr, who, codes = take_events(indptr, who, codes, rows)
    cells = event_cells(who, codes, n_classes)
    return CoVotes(used, em.co_votes(indptr, cells, weights, number, len(used)), unit)


def shared_votes(found: CoVotes, m: int, n_classes: int) -> Float:
    """Return, for every two rules, the equal votes as a part of all rows where either votes (m, m).

    Examples
    --------
    >>> from weaklabel.label_matrix import as_patterns
    >>> shared_votes(co_votes(as_patterns([[0, 0], [0, -1], [1, 1]]), 2), 2, 2).round(2).tolist()
    [[0.0, 0.67], [0.67, 0.0]]
    """
    width = n_classes + 2
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


def find_copies(patterns: VotePatterns, n_classes: int) -> tuple[Int, Int, CoVotes | None]:
    """Return for each labeler the one it repeats (itself when none), and the order in which they speak.

    The third answer is the co-votes of the pooled patterns, where they were counted already.

    Rules with identical votes are copies. So are rules with `ALIKE` votes of which the one with fewer votes departs
    from the other at random: where it does, the remaining rules agree with the other's votes as often as where it
    does not (within `RANDOM` standard errors, where there are rows enough to tell). Rules that merely look at related things fail that test, as the
    remaining rules tend to side with whichever is right. People are never copies.

    Examples
    --------
    >>> from weaklabel.label_matrix import as_patterns
    >>> find_copies(as_patterns([[0, -1, 0], [-1, 1, -1]]), 2)[0].tolist()
    [0, 1, 0]
    """
    from weaklabel.kernels.patterns import event_sums

    m = len(patterns.labelers)
    into = np.arange(m)
    for group in duplicate_groups(patterns):
        into[list(group)] = group[0]
    by_class, beside = event_sums(
        patterns.indptr, patterns.labeler_index, patterns.codes, patterns.counts, m, n_classes
    )
    votes = by_class.sum(axis=1)
    rank = np.empty(m, np.int64)
    rank[np.lexsort((np.arange(m), beside, -votes))] = np.arange(m)
    once = pool(patterns, into, rank)
    found = co_votes(once, n_classes)
    shared = shared_votes(found, m, n_classes)
    into = into.copy()
    original = np.ones(m, bool)
    for b in np.argsort(rank):
        near = np.flatnonzero((shared[b] >= ALIKE) & (rank < rank[b]) & original)
        for a in near[np.lexsort((rank[near], -shared[b, near]))]:
            others = (shared[a] < ALIKE) & (shared[b] < ALIKE)
            others[[a, b]] = False
            if _at_random(once, int(a), int(b), others):
                into[into == b] = a
                original[b] = False
                break
    return into, rank, found if original.all() else None


def pool(patterns: VotePatterns, into: Int, rank: Int) -> VotePatterns:
    """Return the patterns in which copies speak through one labeler: the first of them, by `rank`, that votes.

    Examples
    --------
    >>> from weaklabel.label_matrix import as_patterns
    >>> pool(as_patterns([[0, 1]]), np.array([0, 0]), np.array([0, 1])).codes.tolist()
    [0]
    """
    members = np.bincount(into, minlength=len(into))
    if members.max(initial=0) <= 1:
        return patterns
    who, codes = patterns.labeler_index, patterns.codes
    touched = members[into[who]] > 1
    if not touched.any():
        return patterns
    row, target = patterns.pattern_index, into[who]
    keep = ~touched
    at = np.flatnonzero(touched & (codes >= 0))
    at = at[np.lexsort((rank[who[at]], target[at], row[at]))]
    first = np.ones(len(at), bool)
    first[1:] = (row[at][1:] != row[at][:-1]) | (target[at][1:] != target[at][:-1])
    keep[at[first]] = True
    spoken = row[at[first]] * len(into) + target[at[first]]
    mute = np.flatnonzero(touched & (codes < 0) & (target == who))
    keep[mute[~np.isin(row[mute] * len(into) + target[mute], spoken)]] = True
    at = np.flatnonzero(keep)
    at = at[np.lexsort((target[at], row[at]))]
    indptr = np.concatenate([[0], np.cumsum(np.bincount(row[at], minlength=len(patterns)))]).astype(np.int64)
    return VotePatterns(
        patterns.labelers,
        patterns.silence,
        indptr,
        target[at].astype(np.int32),
        codes[at],
        patterns.counts,
        patterns.keys,
    )


def event_cells(
    who: npt.NDArray[np.int32], codes: npt.NDArray[np.int8], n_classes: int
) -> npt.NDArray[np.int32]:
    """Return the cell of each event: `labeler * (n_classes + 2) + code + 2`.

    Examples
    --------
    >>> event_cells(np.array([0, 1], np.int32), np.array([-1, 1], np.int8), 2).tolist()
    [1, 7]
    """
    return (who.astype(np.int32) * np.int32(n_classes + 2) + codes + np.int32(2)).astype(np.int32)


def _at_random(patterns: VotePatterns, a: int, b: int, others: npt.NDArray[np.bool_]) -> bool:
    from weaklabel.kernels import em

    counts = patterns.counts.astype(np.float64)
    sums = em.departures(
        patterns.indptr, patterns.labeler_index, patterns.codes, counts, np.array([a, b]), others
    )
    rows = sums[:, 0]
    if not rows.all():
        return False
    share = sums[:, 1] / rows
    spread = sums[:, 2].sum() / rows.sum() - (sums[:, 1].sum() / rows.sum()) ** 2
    limit = RANDOM * np.sqrt(max(spread, 0) * (1 / rows).sum() + 1e-12)
    return bool(abs(share[0] - share[1]) <= limit <= SEEN)
