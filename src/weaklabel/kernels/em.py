"""The E step of models that score a row as a sum over its events, and what their M step needs.

An event's cell is `labeler * width + code + 2`; `table` holds per cell what the event adds to each class' score.
Sums run over patterns in their order, one after the other, so that the same patterns give the same bits.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from weaklabel.kernels.jit import inlined, njit


@njit
def em_pass(indptr: Any, cells: Any, counts: Any, gold: Any, table: Any, base: Any) -> Any:
    """Return log likelihood, expected rows per class, and expected events per cell and class.

    Parameters
    ----------
    indptr, cells
        Events of each pattern: cells of pattern u are `cells[indptr[u]:indptr[u + 1]]`.
    counts
        (u,) float64 rows per pattern.
    gold
        (u, k) float64 rows per pattern whose class is known, or (0, k).
    table
        (cells, k) float64 log score that each event adds.
    base
        (k,) float64 log score of a row without events.
    """
    k = len(base)
    expected = np.zeros((table.shape[0], k))
    classes = np.zeros(k)
    score = np.empty(k)
    share = np.empty(k)
    total = 0.0
    for u in range(len(indptr) - 1):
        for y in range(k):
            score[y] = base[y]
        for e in range(indptr[u], indptr[u + 1]):
            cell = cells[e]
            for y in range(k):
                score[y] += table[cell, y]
        top = score[0]
        for y in range(1, k):
            top = max(top, score[y])
        norm = 0.0
        for y in range(k):
            share[y] = np.exp(score[y] - top)
            norm += share[y]
        free = counts[u]
        if len(gold):
            for y in range(k):
                free -= gold[u, y]
                if gold[u, y] > 0:
                    total += gold[u, y] * score[y]
        total += free * (top + np.log(norm))
        for y in range(k):
            share[y] = free * share[y] / norm
            if len(gold):
                share[y] += gold[u, y]
            classes[y] += share[y]
        for e in range(indptr[u], indptr[u + 1]):
            cell = cells[e]
            for y in range(k):
                expected[cell, y] += share[y]
    return total, classes, expected


@njit
def expected_events(indptr: Any, cells: Any, weights: Any, size: Any) -> Any:
    """Return the (size, k) sums of each pattern's class weights over its events' cells."""
    k = weights.shape[1]
    expected = np.zeros((size, k))
    for u in range(len(indptr) - 1):
        for e in range(indptr[u], indptr[u + 1]):
            for y in range(k):
                expected[cells[e], y] += weights[u, y]
    return expected


@njit
def posterior(indptr: Any, cells: Any, table: Any, base: Any) -> Any:
    """Return the (u, k) class probabilities of each pattern."""
    k = len(base)
    out = np.empty((len(indptr) - 1, k))
    for u in range(len(indptr) - 1):
        for y in range(k):
            out[u, y] = base[y]
        for e in range(indptr[u], indptr[u + 1]):
            for y in range(k):
                out[u, y] += table[cells[e], y]
        top = out[u, 0]
        for y in range(1, k):
            top = max(top, out[u, y])
        norm = 0.0
        for y in range(k):
            out[u, y] = np.exp(out[u, y] - top)
            norm += out[u, y]
        for y in range(k):
            out[u, y] /= norm
    return out


@njit
def keep_unanimous(
    indptr: Any, labelers: Any, codes: Any, better: Any, vote_table: Any, margin: Any, out: Any
) -> int:
    """Rescore, in place, patterns whose trustworthy and unanimous votes were overruled; return how many.

    Parameters
    ----------
    indptr, labelers, codes
        Events of each pattern.
    better
        (m, k) bool: a vote of this labeler for this class is likelier in that class than in any other.
    vote_table
        (m, k, k) float64 log score that a vote adds by itself, by labeler, class voted, class.
    margin
        A class wins when its probability is more than `1 + margin` times every other's.
    out
        (u, k) probabilities.
    """
    k = out.shape[1]
    score = np.empty(k)
    changed = 0
    for u in range(len(indptr) - 1):
        voted = -1
        trusted = True
        for e in range(indptr[u], indptr[u + 1]):
            if codes[e] >= 0:
                if voted >= 0 and codes[e] != voted:
                    trusted = False
                voted = codes[e]
                trusted = trusted and better[labelers[e], voted]
        if voted < 0 or not trusted:
            continue
        wins = True
        for y in range(k):
            if y != voted and out[u, voted] <= out[u, y] * (1 + margin):
                wins = False
        if wins:
            continue
        changed += 1
        for y in range(k):
            score[y] = 0.0
        for e in range(indptr[u], indptr[u + 1]):
            if codes[e] >= 0:
                for y in range(k):
                    score[y] += vote_table[labelers[e], voted, y]
        top = score[0]
        for y in range(1, k):
            top = max(top, score[y])
        norm = 0.0
        for y in range(k):
            score[y] = np.exp(score[y] - top)
            norm += score[y]
        for y in range(k):
            out[u, y] = score[y] / norm
    return changed


@njit
def vote_shares(indptr: Any, codes: Any, counts: Any, k: Any) -> Any:
    """Return, over all rows, the sum of each class' share of the row's votes, (k,) float64."""
    found = np.zeros(k)
    for u in range(len(indptr) - 1):
        heard = 0
        for e in range(indptr[u], indptr[u + 1]):
            heard += codes[e] >= 0
        for e in range(indptr[u], indptr[u + 1]):
            if codes[e] >= 0:
                found[codes[e]] += counts[u] / heard
    return found


@njit
def co_votes(indptr: Any, cells: Any, weights: Any, events: Any, size: Any) -> Any:
    """Return the (size, size) weight of rows on which events occur together: upper triangle and diagonal.

    Parameters
    ----------
    indptr, cells
        Events of each pattern, as in `em_pass`.
    weights
        (u,) float64.
    events
        (cells,) int64: number of a cell's event, ascending with the cell, or -1 to leave it out.
    size
        Number of events.
    """
    out = np.zeros((size, size))
    for u in range(len(indptr) - 1):
        for e in range(indptr[u], indptr[u + 1]):
            a = events[cells[e]]
            if a < 0:
                continue
            for f in range(e, indptr[u + 1]):
                b = events[cells[f]]
                if b >= 0:
                    out[a, b] += weights[u]
    return out


@inlined
def _mean_deviation(mean: Any) -> Any:
    """Return the mean absolute deviation of a Poisson count."""
    if mean <= 0:
        return 0.0
    whole = math.floor(mean)
    return 2 * math.exp((whole + 1) * math.log(mean) - mean - math.lgamma(whole + 1))


@njit
def unexplained(observed: Any, left: Any, right: Any, owner: Any, said: Any) -> Any:
    """Return how far co-votes of different labelers are from what a model expects, what was seen, and pairs.

    The first answer is (2, 2): for pairs of events, and for pairs of labelers with equal and with different votes
    taken together, the sum of |observed - expected| and the sum that Poisson counts with these means would have.
    The second is the sum of what was observed, the third the number of pairs of events.

    Parameters
    ----------
    observed
        (events, events) counts, upper triangle.
    left, right
        (events, k): the expected count of a pair is the sum over classes of left[a] * right[b].
    owner, said
        (events,) the labeler of each event, ascending, and its class.
    """
    size, k = left.shape
    m = 0
    for a in range(size):
        m = max(m, owner[a] + 1)
    together = np.zeros((m, m, 2, 2))
    sums = np.zeros((2, 2))
    seen = 0.0
    pairs = 0
    for a in range(size):
        for b in range(a + 1, size):
            if owner[a] == owner[b]:
                continue
            mean = 0.0
            for y in range(k):
                mean += left[a, y] * right[b, y]
            pairs += 1
            seen += observed[a, b]
            sums[0, 0] += abs(observed[a, b] - mean)
            sums[0, 1] += _mean_deviation(mean)
            kind = 1 if said[a] == said[b] else 0
            together[owner[a], owner[b], kind, 0] += observed[a, b]
            together[owner[a], owner[b], kind, 1] += mean
    for i in range(m):
        for j in range(i + 1, m):
            for kind in range(2):
                sums[1, 0] += abs(together[i, j, kind, 0] - together[i, j, kind, 1])
                sums[1, 1] += _mean_deviation(together[i, j, kind, 1])
    return sums, seen, pairs


@njit
def departures(indptr: Any, labelers: Any, codes: Any, counts: Any, pair: Any, others: Any) -> Any:
    """Return how the other rules vote where the second rule of a pair repeats the first, and where it doesn't.

    The (2, 3) answer holds, for "departs" and "repeats": rows, the sum of the share of the others that vote as the
    first rule does, and the sum of its square. Rows on which no other rule votes are left out.

    Parameters
    ----------
    indptr, labelers, codes, counts
        Events of each pattern, and rows per pattern.
    pair
        The two rules.
    others
        (m,) bool: who is asked.
    """
    out = np.zeros((2, 3))
    for u in range(len(indptr) - 1):
        first = -1
        second = -1
        for e in range(indptr[u], indptr[u + 1]):
            if labelers[e] == pair[0]:
                first = codes[e]
            elif labelers[e] == pair[1]:
                second = codes[e]
        if first < 0 or second == -2:
            continue
        heard = 0
        same = 0
        for e in range(indptr[u], indptr[u + 1]):
            if codes[e] >= 0 and others[labelers[e]]:
                heard += 1
                if codes[e] == first:
                    same += 1
        if heard:
            share = same / heard
            kind = 1 if second == first else 0
            out[kind, 0] += counts[u]
            out[kind, 1] += counts[u] * share
            out[kind, 2] += counts[u] * share * share
    return out
