"""The E step of models that score a row as a sum over its events, and what their M step needs.

An event's cell is `labeler * width + code + 2`; `table` holds per cell what the event adds to each class' score.
Sums run over patterns in their order, one after the other, so that the same patterns give the same bits.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from weaklabel.kernels.jit import inlined, njit


@inlined
def _softmax(score: Any) -> None:
    """Turn log scores into probabilities, in place."""
    top = score[0]
    for y in range(1, len(score)):
        top = max(top, score[y])
    norm = 0.0
    for y in range(len(score)):
        score[y] = np.exp(score[y] - top)
        norm += score[y]
    for y in range(len(score)):
        score[y] /= norm


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


@inlined
def _common(indptr: Any, cells: Any, members: Any, width: Any, row: Any) -> Any:
    """Return the one class that all votes of a row leave possible; -1 where there are none or several."""
    first, last = 0, 0
    for e in range(indptr[row], indptr[row + 1]):
        code = cells[e] % width - 2
        if 0 <= code < members.shape[1]:
            first, last = code, code + 1
            break
        if code >= 0:
            last = members.shape[1]
    found = -1
    for y in range(first, last):
        possible = True
        for e in range(indptr[row], indptr[row + 1]):
            code = cells[e] % width - 2
            possible = possible and (code < 0 or members[code, y])
        if possible:
            if found >= 0:
                return -1
            found = y
    return found


@njit
def keep_unanimous(
    indptr: Any, cells: Any, members: Any, better: Any, vote_table: Any, margin: Any, out: Any
) -> int:
    """Rescore, in place, patterns whose trustworthy and unanimous votes were overruled; return how many.

    Votes are unanimous where they leave one class in common.

    Parameters
    ----------
    indptr, cells
        Cells of each pattern, `labeler * width + code + 2`.
    members
        (codes, k) bool: the classes that a code leaves possible; the first k codes are the classes.
    better
        (cells, k) bool: this vote is likelier in the class than in any that it doesn't leave possible.
    vote_table
        (cells, k) float64 log score that a vote adds by itself.
    margin
        A class wins when its probability is more than `1 + margin` times every other's.
    out
        (u, k) probabilities.
    """
    k = out.shape[1]
    width = len(members) + 2
    score = np.empty(k)
    changed = 0
    for u in range(len(indptr) - 1):
        voted = _common(indptr, cells, members, width, u)
        trusted = voted >= 0
        for e in range(indptr[u], indptr[u + 1]):
            trusted = trusted and (cells[e] % width < 2 or better[cells[e], voted])
        if not trusted:
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
            if cells[e] % width >= 2:
                for y in range(k):
                    score[y] += vote_table[cells[e], y]
        _softmax(score)
        for y in range(k):
            out[u, y] = score[y]
    return changed


@njit
def coin_pass(
    indptr: Any,
    labelers: Any,
    codes: Any,
    counts: Any,
    gold: Any,
    members: Any,
    sizes: Any,
    right: Any,
    wrong: Any,
    base: Any,
) -> Any:
    """Return log likelihood, expected rows per class, and the expected right votes of each labeler, by their size.

    Parameters
    ----------
    indptr, labelers, codes
        Events of each pattern; events with a code below 0 count nothing.
    counts
        (u,) float64 rows per pattern.
    gold
        (u, k) float64 rows per pattern whose class is known, or (0, k).
    members
        (codes, k) bool: the classes in which a vote is right.
    sizes
        (codes,) how many these are: the right votes are (m, k), those with `size` classes in column size - 1.
    right, wrong
        (m, codes) float64 log score of a labeler's vote in a class in which it is right, and in any other.
    base
        (k,) float64 log score of a row without votes.
    """
    k = len(base)
    classes = np.zeros(k)
    hits = np.zeros((len(right), k))
    score = np.empty(k)
    total = 0.0
    for u in range(len(indptr) - 1):
        for y in range(k):
            score[y] = base[y]
        common = 0.0
        for e in range(indptr[u], indptr[u + 1]):
            code = codes[e]
            if code >= 0:
                j = labelers[e]
                common += wrong[j, code]
                gain = right[j, code] - wrong[j, code]
                if code < k:
                    score[code] += gain
                else:
                    for y in range(k):
                        if members[code, y]:
                            score[y] += gain
        top = score[0]
        for y in range(1, k):
            top = max(top, score[y])
        free = counts[u]
        if len(gold):
            for y in range(k):
                free -= gold[u, y]
                if gold[u, y] > 0:
                    total += gold[u, y] * (score[y] + common)
        norm = 0.0
        for y in range(k):
            score[y] = np.exp(score[y] - top)
            norm += score[y]
        total += free * (top + np.log(norm) + common)
        for y in range(k):
            score[y] = free * score[y] / norm
            if len(gold):
                score[y] += gold[u, y]
            classes[y] += score[y]
        for e in range(indptr[u], indptr[u + 1]):
            code = codes[e]
            if 0 <= code < k:
                hits[labelers[e], 0] += score[code]
            elif code >= k:
                for y in range(k):
                    if members[code, y]:
                        hits[labelers[e], sizes[code] - 1] += score[y]
    return total, classes, hits


@njit
def signed_pairs(
    indptr: Any, slots: Any, codes: Any, counts: Any, size: Any, signs: Any, first: Any, last: Any
) -> Any:
    """Return, per class and pair of slots, the rows on which both speak for or against it, and on which they differ.

    Parameters
    ----------
    indptr, codes
        Events of each pattern; events with a code below 0 are passed over.
    slots
        (events,) int32: which row and column of the answer an event counts in; below 0: in none.
    counts
        (u,) int64 rows per pattern.
    size
        Number of slots.
    signs
        (codes, k) int8: 1 where a code speaks for a class, -1 against it, 0 where it says nothing.
    first, last
        The classes from `first` to before `last` are counted.

    Returns
    -------
    both, one : (last - first, size, size) int64
        Symmetric.
    """
    both = np.zeros((last - first, size, size), np.int64)
    one = np.zeros((last - first, size, size), np.int64)
    for u in range(len(indptr) - 1):
        for e in range(indptr[u], indptr[u + 1]):
            i = slots[e]
            if i < 0 or codes[e] < 0:
                continue
            for f in range(indptr[u], indptr[u + 1]):
                j = slots[f]
                if j < 0 or j == i or codes[f] < 0:
                    continue
                for y in range(first, last):
                    said = signs[codes[e], y] * signs[codes[f], y]
                    if said != 0:
                        both[y - first, i, j] += counts[u]
                    if said < 0:
                        one[y - first, i, j] += counts[u]
    return both, one


@njit
def mixed_of_two(
    indptr: Any,
    cells: Any,
    base: Any,
    favour: Any,
    weights: Any,
    votes: Any,
    by_vote: Any,
    margin: Any,
    out: Any,
) -> None:
    """Write the two class probabilities of each row: the mean of two models, unanimous votes never overruled.

    Parameters
    ----------
    indptr, cells
        Rows of cells.
    base, favour
        (2,) and (cells, 2): by how much a row without cells, and each cell, favours the second class in each model.
    weights
        (2,) the weight of each.
    votes
        (cells,) int64: 1 for a vote for the first class, 2**20 for the second, plus 2**40 where it isn't trusted.
    by_vote
        (cells,) by how much a vote by itself favours the second class.
    margin
        Unanimous and trusted votes are overruled where their class' probability isn't more than `1 + margin` times
        the other's; the row is then scored by its votes alone.
    out
        (n, 2) float64 to write to.
    """
    some = np.int64((1 << 20) - 1)
    for u in range(len(out)):
        said, one, two = np.int64(0), base[0], base[1]
        for e in range(np.uint64(indptr[u]), np.uint64(indptr[u + 1])):
            cell = np.uint64(cells[e])
            said += votes[cell]
            one += favour[cell, 0]
            two += favour[cell, 1]
        small, tiny = np.exp(-abs(one)), np.exp(-abs(two))
        big, small = weights[0] / (1 + small), weights[0] * small / (1 + small)
        large, tiny = weights[1] / (1 + tiny), weights[1] * tiny / (1 + tiny)
        second = (big if one > 0 else small) + (large if two > 0 else tiny)
        first = (small if one > 0 else big) + (tiny if two > 0 else large)
        ones, twos = said & some, (said >> 20) & some
        if said < np.int64(1 << 40) and (ones > 0) != (twos > 0):
            named, other = (second, first) if twos else (first, second)
            if named <= other * (1 + margin):
                alone = 0.0
                for e in range(indptr[u], indptr[u + 1]):
                    alone += by_vote[np.uint64(cells[e])]
                small = np.exp(-abs(alone))
                first = (small if alone > 0 else 1.0) / (1 + small)
                second = (1.0 if alone > 0 else small) / (1 + small)
        out[u, 0] = first
        out[u, 1] = second


@njit
def mixed_of_many(
    indptr: Any,
    cells: Any,
    base: Any,
    table: Any,
    weights: Any,
    votes: Any,
    by_vote: Any,
    margin: Any,
    out: Any,
) -> None:
    """Write the class probabilities of each row, as `mixed_of_two` does for two classes.

    Parameters
    ----------
    indptr, cells, weights, margin, out
        As there; `out` is (n, k).
    base, table
        (models, k) and (models, cells, k) log scores of any number of models.
    votes
        (cells,) int64: the class of a vote, -1 for no vote, -2 for one that isn't trusted, -3 for a vote for several
        classes. These don't decide whether a row is scored by its votes alone, so that a vote against a class never
        raises it: whether the votes for one class are overruled is seen in the row without them.
    by_vote
        (cells, k) log score that a vote adds by itself.
    """
    k = out.shape[1]
    score, without = np.empty(k), np.empty(k)
    for u in range(len(indptr) - 1):
        for y in range(k):
            out[u, y] = 0.0
        for p in range(len(base)):
            for y in range(k):
                score[y] = base[p, y]
            for e in range(indptr[u], indptr[u + 1]):
                line = table[p, np.uint64(cells[e])]
                for y in range(k):
                    score[y] += line[y]
            _softmax(score)
            for y in range(k):
                out[u, y] += weights[p] * score[y]
        voted = -1
        several = False
        for e in range(indptr[u], indptr[u + 1]):
            vote = votes[np.uint64(cells[e])]
            if vote == -2 or (vote >= 0 and voted >= 0 and vote != voted):
                voted = -1
                break
            several = several or vote == -3
            voted = max(voted, vote)
        if voted < 0:
            continue
        judged = out[u]
        if several:
            for y in range(k):
                without[y] = 0.0
            for p in range(len(base)):
                for y in range(k):
                    score[y] = base[p, y]
                for e in range(indptr[u], indptr[u + 1]):
                    if votes[np.uint64(cells[e])] != -3:
                        for y in range(k):
                            score[y] += table[p, np.uint64(cells[e]), y]
                _softmax(score)
                for y in range(k):
                    without[y] += weights[p] * score[y]
            judged = without
        wins = True
        for y in range(k):
            wins = wins and (y == voted or judged[voted] > judged[y] * (1 + margin))
        if wins:
            continue
        for y in range(k):
            score[y] = 0.0
        for e in range(indptr[u], indptr[u + 1]):
            for y in range(k):
                score[y] += by_vote[np.uint64(cells[e]), y]
        _softmax(score)
        for y in range(k):
            out[u, y] = score[y]


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
    The second is (3,), sums over pairs of events with weights 1 / (expected + 1): of (observed - expected)^2 -
    expected, of the variance that this has for Poisson counts, times the weight again, and of expected^2. The third
    is the sum of what was observed, the fourth the number of pairs of events.

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
    sums, squares = np.zeros((2, 2)), np.zeros(3)
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
            weight = 1 / (mean + 1)
            squares[0] += weight * ((observed[a, b] - mean) ** 2 - mean)
            squares[1] += weight * weight * (2 * mean * mean + mean)
            squares[2] += weight * mean * mean
            kind = 1 if said[a] == said[b] else 0
            together[owner[a], owner[b], kind, 0] += observed[a, b]
            together[owner[a], owner[b], kind, 1] += mean
    for i in range(m):
        for j in range(i + 1, m):
            for kind in range(2):
                sums[1, 0] += abs(together[i, j, kind, 0] - together[i, j, kind, 1])
                sums[1, 1] += _mean_deviation(together[i, j, kind, 1])
    return sums, squares, seen, pairs
