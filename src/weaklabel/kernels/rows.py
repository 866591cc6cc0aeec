"""Rows of votes read as they lie, without grouping equal ones; sums that no order of rows can change.

An event's cell is `labeler * width + code + 2`, as in `em`. Sums are of integers: a probability is rounded to a
multiple of 2**-44 and added in two halves, so that the same rows give the same bits in whatever order they come and
however they are grouped.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from weaklabel.kernels.jit import njit

HALF = 22
"""Bits in each half of a rounded probability."""


def dense_cells(
    votes: npt.NDArray[np.int8], width: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.uint16] | npt.NDArray[np.uint32]]:
    """Return the cells of all votes other than -1, row by row: `indptr` (n + 1,) and `cells` (events,).

    Parameters
    ----------
    votes
        (n, m) C-contiguous.
    width
        Number of cells of a labeler: classes and two.

    Examples
    --------
    >>> indptr, cells = dense_cells(np.array([[0, -1], [-1, 1]], np.int8), 4)
    >>> indptr.tolist(), cells.tolist()
    ([0, 1, 2], [2, 7])
    """
    n, m = votes.shape
    flat = votes.reshape(-1)
    whole = flat[: len(flat) // 8 * 8]
    words = whole.view(np.uint64)
    small = m * width <= 1 << 16
    cells = np.empty(_count(words, flat), np.uint16 if small else np.uint32)
    indptr = np.empty(n + 1, np.int64)
    _fill(words, flat, m, width, _PLACE, indptr, cells)
    return indptr, cells


@njit
def _count(words: Any, flat: Any) -> Any:
    ones, low = np.uint64(0xFFFFFFFFFFFFFFFF), np.uint64(0x0101010101010101)
    n = np.int64(0)
    for w in range(len(words)):
        x = words[w] ^ ones
        x |= x >> np.uint64(4)
        x |= x >> np.uint64(2)
        x |= x >> np.uint64(1)
        n += np.int64(((x & low) * low) >> np.uint64(56))
    for i in range(len(words) * 8, len(flat)):
        n += flat[i] != -1
    return n


@njit
def _fill(words: Any, flat: Any, m: Any, width: Any, place: Any, indptr: Any, cells: Any) -> None:
    """Eight votes at a time: a word without a vote costs one comparison, and the votes of another are picked out."""
    ones, low = np.uint64(0xFFFFFFFFFFFFFFFF), np.uint64(0x7F7F7F7F7F7F7F7F)
    high, hash_by, shift = np.uint64(0x8080808080808080), np.uint64(0x03F79D71B4CB0A89), np.uint64(58)
    n = len(indptr) - 1
    row, start, e = 0, 0, 0
    indptr[0] = 0
    for w in range(len(words)):
        x = words[w] ^ ones
        if x == 0:
            continue
        voted = (((x & low) + low) | x) & high  # the top bit of each byte that isn't -1
        while voted != 0:
            first = voted & (~voted + np.uint64(1))
            at = w * 8 + place[(first * hash_by) >> shift]
            voted ^= first
            while at >= start + m:
                row += 1
                start += m
                indptr[row] = e
            cells[e] = (at - start) * width + np.int64(flat[at]) + 2
            e += 1
    for at in range(len(words) * 8, n * m):
        if flat[at] != -1:
            while at >= start + m:
                row += 1
                start += m
                indptr[row] = e
            cells[e] = (at - start) * width + np.int64(flat[at]) + 2
            e += 1
    while row < n:
        row += 1
        indptr[row] = e


@njit
def _pass_of_two(
    indptr: Any, cells: Any, counts: Any, table: Any, base: Any, high: Any, low: Any, sums: Any
) -> None:
    """Add up class 1 of two; `table` holds by how much an event favours it."""
    mask = (np.int64(1) << HALF) - 1
    times = np.int64(1)
    for u in range(len(indptr) - 1):
        if len(counts):
            times = counts[u]
        score = base[1] - base[0]
        for e in range(indptr[u], indptr[u + 1]):
            score += table[cells[e]]
        rounded = np.int64(1 / (1 + np.exp(-score)) * 17592186044416.0 + 0.5)  # 2**44
        upper, lower = (rounded >> HALF) * times, (rounded & mask) * times
        sums[0, 1] += upper
        sums[1, 1] += lower
        for e in range(indptr[u], indptr[u + 1]):
            high[cells[e], 1] += upper
            low[cells[e], 1] += lower


@njit
def _pass_of_many(
    indptr: Any, cells: Any, counts: Any, table: Any, base: Any, high: Any, low: Any, sums: Any
) -> None:
    """Add up all classes but the first."""
    k = len(base)
    score = np.empty(k)
    upper, lower = np.empty(k, np.int64), np.empty(k, np.int64)
    mask = (np.int64(1) << HALF) - 1
    times = np.int64(1)
    for u in range(len(indptr) - 1):
        if len(counts):
            times = counts[u]
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
            score[y] = np.exp(score[y] - top)
            norm += score[y]
        for y in range(1, k):
            rounded = np.int64(score[y] / norm * 17592186044416.0 + 0.5)  # 2**44
            upper[y] = (rounded >> HALF) * times
            lower[y] = (rounded & mask) * times
            sums[0, y] += upper[y]
            sums[1, y] += lower[y]
        for e in range(indptr[u], indptr[u + 1]):
            cell = cells[e]
            for y in range(1, k):
                high[cell, y] += upper[y]
                low[cell, y] += lower[y]


def event_counts(
    indptr: npt.NDArray[np.int64], cells: npt.NDArray[Any], counts: npt.NDArray[np.int64], size: int
) -> npt.NDArray[np.int64]:
    """Return how many rows have each cell's event, (size,) int64.

    Examples
    --------
    >>> indptr, cells = dense_cells(np.array([[0, -1], [0, 1]], np.int8), 4)
    >>> event_counts(indptr, cells, np.array([3, 1]), 8).tolist()
    [0, 0, 4, 0, 0, 0, 0, 1]
    """
    total = np.zeros(size, np.int64)
    _count_cells(indptr, cells, counts, total)
    return total


@njit
def _count_cells(indptr: Any, cells: Any, counts: Any, total: Any) -> None:
    times = np.int64(1)
    for u in range(len(indptr) - 1):
        if len(counts):
            times = counts[u]
        for e in range(indptr[u], indptr[u + 1]):
            total[cells[e]] += times


def exact_sums(
    indptr: npt.NDArray[np.int64],
    cells: npt.NDArray[Any],
    counts: npt.NDArray[np.int64],
    table: npt.NDArray[np.float64],
    base: npt.NDArray[np.float64],
    totals: npt.NDArray[np.int64],
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return the expected rows per class, (k,), and events per cell and class, (cells, k).

    The same bits for the same rows, in whatever order and however grouped; up to 10**12 rows.

    Parameters
    ----------
    indptr, cells
        Events of each row.
    counts
        (n,) rows that each stands for; (0,): one each.
    table
        (cells, k) log score that each event adds.
    base
        (k,) log score of a row without events.
    totals
        (cells,) what `event_counts` returned.

    Examples
    --------
    >>> indptr, cells = dense_cells(np.array([[0, -1], [-1, 1]], np.int8), 4)
    >>> none = np.empty(0, np.int64)
    >>> totals = event_counts(indptr, cells, none, 8)
    >>> classes, expected = exact_sums(indptr, cells, none, np.zeros((8, 2)), np.zeros(2), totals)
    >>> classes.tolist(), expected[2].tolist()
    ([1.0, 1.0], [0.5, 0.5])
    """
    high, low = np.zeros(table.shape, np.int64), np.zeros(table.shape, np.int64)
    sums = np.zeros((2, len(base)), np.int64)
    if len(base) == 2:
        favour = np.ascontiguousarray(table[:, 1] - table[:, 0])
        _pass_of_two(indptr, cells, counts, favour, base, high, low, sums)
    else:
        _pass_of_many(indptr, cells, counts, table, base, high, low, sums)
    rows = int(counts.sum()) if len(counts) else len(indptr) - 1
    return _joined(sums[0], sums[1], np.array(rows)), _joined(high, low, totals)


def _joined(
    high: npt.NDArray[np.int64], low: npt.NDArray[np.int64], totals: npt.NDArray[np.int64]
) -> npt.NDArray[np.float64]:
    """Return the sums in doubles; the first class gets what the others leave of the totals."""
    high, low = high + (low >> HALF), low & ((1 << HALF) - 1)
    high[..., 0] = (totals << HALF) - high[..., 1:].sum(axis=-1)
    low[..., 0] = -low[..., 1:].sum(axis=-1)
    found: npt.NDArray[np.float64] = high / 2.0**HALF + low / 2.0 ** (2 * HALF)
    return found


def _places() -> npt.NDArray[np.int64]:
    """Return, by the hash of a single bit of a 64-bit word, the number of its byte (de Bruijn's sequence)."""
    table = np.zeros(64, np.int64)
    for bit in range(64):
        table[((1 << bit) * 0x03F79D71B4CB0A89 & 2**64 - 1) >> 58] = bit // 8
    return table


_PLACE = _places()
