"""The E step of models that score a row as a sum over its events, and what their M step needs.

An event's cell is `labeler * width + code + 2`; `table` holds per cell what the event adds to each class' score.
Sums run over patterns in their order, one after the other, so that the same patterns give the same bits.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from weaklabel.kernels.jit import njit


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
