"""Sums over rows of cells that neither the order of rows nor their grouping changes: sums of integers.

A share of a row, a number from 0 to 1, is rounded to a multiple of 2**-bits and added as an integer. `bits_for` chooses
as many bits as the number of rows leaves room for.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from weaklabel.kernels.jit import njit

Int64 = npt.NDArray[np.int64]
Cells = npt.NDArray[Any]
Float = npt.NDArray[np.float64]


def bits_for(rows: int) -> int:
    """Return the bits of a share such that as many shares as there are rows can be added up.

    Examples
    --------
    >>> bits_for(1000), bits_for(10**9)
    (50, 32)
    """
    return max(0, min(50, 62 - int(rows).bit_length()))


def cell_sums(
    indptr: Int64, cells: Cells, counts: Int64, keys: Int64, width: int, size: int
) -> tuple[Int64, Int64, Int64, Float]:
    """Return what copies are found by: for each cell, sums over the rows with it.

    Rows; votes for a class in them; their keys, modulo 2**64; and shares, one over the votes for a class in the row.

    Parameters
    ----------
    indptr, cells, counts, keys
        Rows of cells, the rows that each stands for, and their keys.
    width, size
        Cells of a labeler, and of all.

    Examples
    --------
    >>> rows, beside, _, shares = cell_sums(
    ...     np.array([0, 2]), np.array([2, 7], np.int32), np.array([3]), np.array([9]), 4, 8
    ... )
    >>> rows.tolist(), beside.tolist(), shares.tolist()
    ([0, 0, 3, 0, 0, 0, 0, 3], [0, 0, 6, 0, 0, 0, 0, 6], [0.0, 0.0, 1.5, 0.0, 0.0, 0.0, 0.0, 1.5])
    """
    bits = bits_for(int(counts.sum()))
    sums = np.zeros((size, 4), np.int64)
    voted = np.arange(size) % width >= 2
    with np.errstate(over="ignore"):
        _cell_sums(indptr, cells, counts, keys, voted, np.int64(1) << bits, sums)
    return sums[:, 0], sums[:, 1], sums[:, 2], sums[:, 3] / 2.0**bits


@njit
def _cell_sums(indptr: Any, cells: Any, counts: Any, keys: Any, voted: Any, one: Any, sums: Any) -> None:
    for u in range(len(indptr) - 1):
        times = counts[u]
        if times == 0:
            continue
        heard = 0
        for e in range(indptr[u], indptr[u + 1]):
            heard += voted[np.uint64(cells[e])]
        together = heard * times
        share = one // max(heard, 1) * times
        for e in range(indptr[u], indptr[u + 1]):
            cell = np.uint64(cells[e])
            sums[cell, 0] += times
            sums[cell, 1] += together
            sums[cell, 2] += keys[u]
            sums[cell, 3] += share


@njit
def pair_sums(indptr: Any, cells: Any, rows: Any, counts: Any, events: Any, size: Any) -> Any:
    """Return on how many rows events occur together, (size, size) int64: upper triangle and diagonal.

    Parameters
    ----------
    indptr, cells
        Rows of cells, ascending.
    rows, counts
        Which rows are looked at, and how often each counts.
    events
        (cells,) int64: number of a cell's event, ascending with the cell, or -1 to leave it out.
    size
        Number of events.
    """
    out = np.zeros((size, size), np.int64)
    longest = 0
    for u in rows:
        longest = max(longest, indptr[u + 1] - indptr[u])
    own = np.empty(longest, np.uint64)
    for i in range(len(rows)):
        u, times, found = rows[i], counts[i], np.uint64(0)
        for e in range(indptr[u], indptr[u + 1]):
            event = events[np.uint64(cells[e])]
            own[found] = np.uint64(event)
            found += np.uint64(event >= 0)
        for a in range(found):
            line = out[own[np.uint64(a)]]
            for b in range(a, found):
                line[own[np.uint64(b)]] += times
    return out


def expected_sums(
    indptr: Int64, cells: Cells, counts: Int64, table: Float, base: Float, totals: Int64
) -> tuple[Float, Float]:
    """Return the expected rows per class, (k,), and expected rows per cell and class, (cells, k).

    Parameters
    ----------
    indptr, cells, counts
        Rows of cells, and the rows that each stands for.
    table, base
        (cells, k) log score that each cell adds, and (k,) that of a row without any.
    totals
        (cells,) rows with each cell.

    Examples
    --------
    >>> parts = np.array([0, 1, 2]), np.array([2, 7], np.int32), np.array([2, 1]), np.zeros((8, 2)), np.zeros(2)
    >>> classes, expected = expected_sums(*parts, np.array([0, 0, 2, 0, 0, 0, 0, 1]))
    >>> classes.tolist(), expected[2].tolist()
    ([1.5, 1.5], [1.0, 1.0])
    """
    k, rows = len(base), int(counts.sum())
    bits = bits_for(rows)
    if k == 2:
        favour = np.ascontiguousarray(table[:, 1] - table[:, 0])
        second, whole = np.zeros(len(table), np.int64), np.zeros(1, np.int64)
        _of_two(indptr, cells, counts, favour, base[1] - base[0], 2.0**bits, second, whole)
        sums = np.stack([(totals << bits) - second, second], axis=1)
        classes = np.array([(rows << bits) - whole[0], whole[0]])
    else:
        sums, classes = np.zeros(table.shape, np.int64), np.zeros(k, np.int64)
        _of_many(indptr, cells, counts, table, base, 2.0**bits, sums, classes)
    return classes / 2.0**bits, sums / 2.0**bits


@njit
def _of_two(
    indptr: Any, cells: Any, counts: Any, favour: Any, base: Any, one: Any, sums: Any, whole: Any
) -> None:
    """Two sums run side by side over a row's cells, so that one needn't wait for the other."""
    total = np.int64(0)
    for u in range(len(counts)):
        start, end = np.uint64(indptr[u]), np.uint64(indptr[u + 1])
        score, other = base, 0.0
        for e in range(start, end - (end - start) % np.uint64(2), np.uint64(2)):
            score += favour[np.uint64(cells[e])]
            other += favour[np.uint64(cells[e + np.uint64(1)])]
        if (end - start) % np.uint64(2):
            score += favour[np.uint64(cells[end - np.uint64(1)])]
        score += other
        small = np.exp(-abs(score))
        share = np.int64((small if score < 0 else 1.0) / (1 + small) * one + 0.5) * counts[u]
        total += share
        for e in range(start, end):
            sums[np.uint64(cells[e])] += share
    whole[0] = total


@njit
def _of_many(
    indptr: Any, cells: Any, counts: Any, table: Any, base: Any, one: Any, sums: Any, classes: Any
) -> None:
    k = len(base)
    score, share = np.empty(k), np.empty(k, np.int64)
    for u in range(len(indptr) - 1):
        if counts[u] == 0:
            continue
        for y in range(k):
            score[y] = base[y]
        for e in range(indptr[u], indptr[u + 1]):
            line = table[np.uint64(cells[e])]
            for y in range(k):
                score[y] += line[y]
        top = score[0]
        for y in range(1, k):
            top = max(top, score[y])
        norm = 0.0
        for y in range(k):
            score[y] = np.exp(score[y] - top)
            norm += score[y]
        for y in range(k):
            share[y] = np.int64(score[y] / norm * one + 0.5) * counts[u]
            classes[y] += share[y]
        for e in range(indptr[u], indptr[u + 1]):
            to = sums[np.uint64(cells[e])]
            for y in range(k):
                to[y] += share[y]


def departures(
    indptr: Int64,
    cells: Cells,
    counts: Int64,
    width: int,
    pair: Int64,
    others: npt.NDArray[np.bool_],
    agree: npt.NDArray[np.bool_] | None = None,
) -> Float:
    """Return how the other rules vote where the second rule of a pair repeats the first, and where it doesn't.

    The (2, 3) answer holds, for "departs" and "repeats": rows, the sum of the share of the others that vote as the
    first rule does, and the sum of its square. Rows on which no other rule votes are left out.

    Parameters
    ----------
    indptr, cells, counts, width
        Rows of cells, the rows that each stands for, and the cells of a labeler.
    pair
        The two rules.
    others
        (m,) who is asked.
    agree
        (codes, codes) which codes agree; None: equal ones.

    Examples
    --------
    >>> rows = np.array([0, 3]), np.array([2, 6, 10], np.int32), np.array([5]), 4
    >>> departures(*rows, np.array([0, 1]), np.array([False, False, True])).tolist()
    [[0.0, 0.0, 0.0], [5.0, 5.0, 5.0]]
    """
    bits = bits_for(int(counts.sum()))
    alike = np.eye(width - 2, dtype=bool) if agree is None else agree
    found: Float = _departures(indptr, cells, counts, width, pair, others, alike, 2.0**bits) / np.array(
        [1.0, 2.0**bits, 2.0**bits]
    )
    return found


@njit
def _departures(
    indptr: Any, cells: Any, counts: Any, width: Any, pair: Any, others: Any, agree: Any, one: Any
) -> Any:
    out = np.zeros((2, 3), np.int64)
    for u in range(len(indptr) - 1):
        first = -1
        second = -1
        for e in range(indptr[u], indptr[u + 1]):
            who = np.int64(cells[e]) // width
            if who == pair[0]:
                first = np.int64(cells[e]) % width - 2
            elif who == pair[1]:
                second = np.int64(cells[e]) % width - 2
        if first < 0 or second == -2:
            continue
        heard = 0
        same = 0
        for e in range(indptr[u], indptr[u + 1]):
            code = np.int64(cells[e]) % width - 2
            if code >= 0 and others[cells[e] // width]:
                heard += 1
                same += agree[first, code]
        if heard:
            share = same / heard
            kind = 1 if second == first else 0
            out[kind, 0] += counts[u]
            out[kind, 1] += counts[u] * np.int64(share * one + 0.5)
            out[kind, 2] += counts[u] * np.int64(share * share * one + 0.5)
    return out
