"""Kernels that read a vote as right or wrong, or as like or unlike another one; abstentions are passed over."""

from __future__ import annotations

from typing import Any

import numpy as np

from weaklabel.kernels.jit import njit


@njit
def coin_pass(
    indptr: Any, labelers: Any, codes: Any, counts: Any, gold: Any, right: Any, wrong: Any, base: Any
) -> Any:
    """Return log likelihood, expected rows per class, and the expected right votes of each labeler.

    Parameters
    ----------
    indptr, labelers, codes
        Events of each pattern; events with a code below 0 count nothing.
    counts
        (u,) float64 rows per pattern.
    gold
        (u, k) float64 rows per pattern whose class is known, or (0, k).
    right, wrong
        (m,) float64 log score of a labeler's vote in the class it names, and in any other class.
    base
        (k,) float64 log score of a row without votes.
    """
    k = len(base)
    classes = np.zeros(k)
    hits = np.zeros(len(right))
    score = np.empty(k)
    total = 0.0
    for u in range(len(indptr) - 1):
        for y in range(k):
            score[y] = base[y]
        common = 0.0
        for e in range(indptr[u], indptr[u + 1]):
            if codes[e] >= 0:
                j = labelers[e]
                common += wrong[j]
                score[codes[e]] += right[j] - wrong[j]
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
            if codes[e] >= 0:
                hits[labelers[e]] += score[codes[e]]
    return total, classes, hits


@njit
def pair_counts(indptr: Any, slots: Any, codes: Any, counts: Any, size: Any, first: Any, last: Any) -> Any:
    """Return, per pair of slots, the rows on which both vote, and those on which just one of them votes for a class.

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
    first, last
        The classes from `first` to before `last` are counted.

    Returns
    -------
    both : (size, size) int64
        Symmetric. A labeler's repeated answers count once for each answer of the other.
    one : (last - first, size, size) int64
        Symmetric; rows on which one votes for class `first + c` and the other for something else.
    """
    both = np.zeros((size, size), np.int64)
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
                both[i, j] += counts[u]
                if codes[e] != codes[f]:
                    if first <= codes[e] < last:
                        one[codes[e] - first, i, j] += counts[u]
                    if first <= codes[f] < last:
                        one[codes[f] - first, i, j] += counts[u]
    return both, one
