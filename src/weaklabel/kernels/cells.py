"""Rows of votes as lists of cells, read as they lie: making them, keys, repeated rows, samples, copies.

The cell of a vote is `labeler * width + code + 2`; a labeler's silence has none. Places are unsigned, which saves the
compiler the case of counting from the end. Keys are sums modulo 2**64, as in `patterns`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from weaklabel.kernels.jit import inlined, njit

Int64 = npt.NDArray[np.int64]
Int32 = npt.NDArray[np.int32]
Bool = npt.NDArray[np.bool_]
Cells = npt.NDArray[Any]


def row_cells(
    votes: npt.NDArray[np.int8], silence: Any, first: Int32, cells: Cells, start: int, ends: Int64
) -> int:
    """Write the cells of some rows of a dense matrix, and where each row's cells end; return where the last ends.

    Parameters
    ----------
    votes
        (n, m).
    silence, first
        (m,) what absence means, and the cell of code 0 of each labeler.
    cells, start
        Where to write, with room for n * m + 1 from place `start` on.
    ends
        (n,) to write to.

    Examples
    --------
    >>> cells, ends = np.zeros(5, np.int32), np.zeros(2, np.int64)
    >>> votes = np.array([[0, -1], [-1, 1]], np.int8)
    >>> row_cells(votes, np.array([-1, -1], np.int8), np.array([2, 6], np.int32), cells, 0, ends)
    2
    >>> cells[:2].tolist(), ends.tolist()
    ([2, 7], [1, 2])
    """
    if (silence == -1).all():
        return int(_cells_of_rules(votes, first, cells, np.uint64(start), ends))
    return int(_cells_of_any(votes, silence, first, cells, np.uint64(start), ends))


@njit
def _cells_of_rules(votes: Any, first: Any, cells: Any, start: Any, ends: Any) -> Any:
    n, m = votes.shape
    e = start
    for i in range(n):
        for j in range(m):
            vote = votes[i, np.uint64(j)]
            cells[e] = first[np.uint64(j)] + vote
            e += np.uint64(vote != -1)
        ends[i] = np.int64(e)
    return e


@njit
def _cells_of_any(votes: Any, silence: Any, first: Any, cells: Any, start: Any, ends: Any) -> Any:
    n, m = votes.shape
    e = start
    for i in range(n):
        for j in range(m):
            vote = votes[i, np.uint64(j)]
            cells[e] = first[np.uint64(j)] + vote
            e += np.uint64(vote != silence[np.uint64(j)])
        ends[i] = np.int64(e)
    return e


def cell_type(size: int) -> type[np.uint16] | type[np.int32]:
    """Return the smallest type that holds this many cells.

    Examples
    --------
    >>> cell_type(400).__name__, cell_type(100_000).__name__
    ('uint16', 'int32')
    """
    return np.uint16 if size <= 1 << 16 else np.int32


@njit
def write_cells(labelers: Any, codes: Any, width: Any, cells: Any) -> None:
    """Write the cells of events."""
    for e in range(len(codes)):
        cells[e] = labelers[e] * width + codes[e] + 2


def row_keys(indptr: Int64, cells: Cells, numbers: Int64, voted: Bool, keys: Int64, counts: Int64) -> None:
    """Write the mixed key of each row, the sum of its cells' numbers, and 1 where it has a vote for a class, else 0.

    `voted` marks the cells of votes for a class; it may be empty where all are.

    Examples
    --------
    >>> from weaklabel.kernels.patterns import mix
    >>> keys, counts = np.zeros(2, np.int64), np.zeros(2, np.int64)
    >>> row_keys(np.array([0, 2, 2]), np.array([1, 0], np.int32), np.array([5, 7]), np.empty(0, bool), keys, counts)
    >>> (keys == mix(np.array([12, 0]))).all(), counts.tolist()
    (np.True_, [1, 0])
    """
    with np.errstate(over="ignore"):
        _row_keys(indptr, cells, numbers.view(np.uint64), voted, keys.view(np.uint64), counts)


@inlined
def _mixed(key: Any) -> Any:
    """Return what `weaklabel.kernels.patterns.mix` makes of a key."""
    key = (key ^ (key >> np.uint64(33))) * np.uint64(0xFF51AFD7ED558CCD)
    key = (key ^ (key >> np.uint64(33))) * np.uint64(0xC4CEB9FE1A85EC53)
    return key ^ (key >> np.uint64(33))


@njit
def _row_keys(indptr: Any, cells: Any, numbers: Any, voted: Any, keys: Any, counts: Any) -> None:
    for u in range(len(indptr) - 1):
        total = np.uint64(0)
        for e in range(indptr[u], indptr[u + 1]):
            total += numbers[np.uint64(cells[e])]
        keys[u] = _mixed(total)
        counts[u] = indptr[u + 1] > indptr[u]
        if len(voted) and counts[u]:
            counts[u] = 0
            for e in range(indptr[u], indptr[u + 1]):
                counts[u] |= voted[np.uint64(cells[e])]


@njit
def pairs_in(indptr: Any, counts: Any) -> Any:
    """Return the number of rows that stand for any, and of pairs of their cells, each with itself among them."""
    rows, pairs = 0, 0
    for u in range(len(counts)):
        if counts[u]:
            size = indptr[u + 1] - indptr[u]
            rows += 1
            pairs += size * (size + 1) // 2
    return rows, pairs


def maybe_repeated(keys: Int64) -> Bool:
    """Mark keys that occur more than once, and a few more that merely share some bits with another one.

    Examples
    --------
    >>> from weaklabel.kernels.patterns import mix
    >>> maybe_repeated(mix(np.array([5, 9, 5])))
    array([ True, False,  True])
    """
    bits = min(32, max(10, len(keys).bit_length() + 4))
    slots = np.zeros((2, 1 << (bits - 3)), np.uint8)
    _note(keys.view(np.uint64), np.uint64(64 - bits), slots[0], slots[1])
    found: Bool = _noted(keys.view(np.uint64), np.uint64(64 - bits), slots[1])
    return found


@njit
def _note(keys: Any, shift: Any, once: Any, twice: Any) -> None:
    for key in keys:
        slot = key >> shift
        bit = np.uint8(np.uint64(1) << (slot & np.uint64(7)))
        at = slot >> np.uint64(3)
        twice[at] |= once[at] & bit
        once[at] |= bit


@njit
def _noted(keys: Any, shift: Any, twice: Any) -> Any:
    out = np.empty(len(keys), np.bool_)
    for i in range(len(keys)):
        slot = keys[i] >> shift
        out[i] = (np.uint64(twice[slot >> np.uint64(3)]) >> (slot & np.uint64(7))) & np.uint64(1)
    return out


@njit
def same_rows(indptr: Any, cells: Any, rows: Any, others: Any) -> Any:
    """Return whether every one of some rows has the cells of its partner."""
    for i in range(len(rows)):
        a, b = indptr[rows[i]], indptr[others[i]]
        if indptr[rows[i] + 1] - a != indptr[others[i] + 1] - b:
            return False
        for e in range(indptr[rows[i] + 1] - a):
            if cells[a + e] != cells[b + e]:
                return False
    return True


@njit
def take_cells(indptr: Any, cells: Any, rows: Any) -> Any:
    """Return `indptr` and the cells of chosen rows."""
    new = np.zeros(len(rows) + 1, np.int64)
    for u in range(len(rows)):
        new[u + 1] = new[u] + indptr[rows[u] + 1] - indptr[rows[u]]
    out = np.empty(new[-1], cells.dtype)
    for u in range(len(rows)):
        start = indptr[rows[u]] - new[u]
        for e in range(new[u], new[u + 1]):
            out[e] = cells[start + e]
    return new, out


def drawn(keys: Int64, counts: Int64, unit: float) -> Int64:
    """Return the rows that a draw takes: each with probability min(1, count / unit), by its mixed key.

    Examples
    --------
    >>> drawn(np.array([5, 9, 13]), np.array([1, 3, 0]), 1.0)
    array([0, 1])
    """
    with np.errstate(over="ignore"):
        found: Int64 = _drawn(keys.view(np.uint64), counts, unit)
    return found


@njit
def _drawn(keys: Any, counts: Any, unit: Any) -> Any:
    out = np.empty(len(keys), np.int64)
    size = 0
    for u in range(len(keys)):
        place = np.float64(_mixed(keys[u]) >> np.uint64(11)) / 9007199254740992.0  # 2**53
        if place < counts[u] / unit:
            out[size] = u
            size += 1
    return out[:size].copy()


@inlined
def _speaks(indptr: Any, cells: Any, row: Any, target: Any, into: Any, rank: Any, width: Any) -> Any:
    """Return the code that a group of copies says in a row: that of the first by rank with a vote, or -3."""
    best, said = len(rank), -3
    for e in range(indptr[row], indptr[row + 1]):
        who, code = np.int64(cells[e]) // width, np.int64(cells[e]) % width - 2
        if code >= 0 and into[who] == target and rank[who] < best:
            best, said = rank[who], code
    return said


@njit
def pool_cells(indptr: Any, cells: Any, into: Any, rank: Any, members: Any, width: Any) -> Any:
    """Return `indptr` and cells of rows in which copies speak through the first of their group.

    Parameters
    ----------
    indptr, cells
        Cells of each row, ascending.
    into, rank, members
        (m,) first labeler of each one's group, the order in which they speak, and the size of the group of each first.
    width
        Cells of a labeler.
    """
    new = np.zeros(len(indptr), np.int64)
    out = np.empty(len(cells), cells.dtype)
    size = 0
    for u in range(len(indptr) - 1):
        start = size
        for e in range(indptr[u], indptr[u + 1]):
            cell = np.int64(cells[e])
            who, code = cell // width, cell % width - 2
            target = into[who]
            if members[target] > 1:
                said = _speaks(indptr, cells, u, target, into, rank, width)
                if said >= 0 and code >= 0:
                    cell = target * width + said + 2
                    seen = False
                    for f in range(start, size):
                        seen = seen or out[f] == cell
                    if seen:
                        continue
                elif said >= 0 or who != target:
                    continue
            f = size
            while f > start and out[f - 1] > cell:
                out[f] = out[f - 1]
                f -= 1
            out[f] = cell
            size += 1
        new[u + 1] = size
    return new, out[:size].copy()
