"""Columns of votes as bytes: where something stands other than the usual code, and what.

A gap is the number of rows between two such places; it is written as one byte, and 255 stands for "255 and more
follows". With votes on 2 to 5 % of the rows that is close to one byte a vote.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from weaklabel.kernels.jit import njit
from weaklabel.kernels.rows import PLACE

Int8 = npt.NDArray[np.int8]
Int32 = npt.NDArray[np.int32]
Int64 = npt.NDArray[np.int64]
UInt8 = npt.NDArray[np.uint8]

_MORE = 255
_WORD = 8


def usual_code(votes: Int8) -> int:
    """Return the code that most rows have; -1 where at least half of them have it.

    Examples
    --------
    >>> usual_code(np.array([-1, 3, 3, -2, 3], np.int8)), usual_code(np.array([], np.int8))
    (3, -1)
    """
    n = len(votes)
    if 2 * int(np.count_nonzero(votes == -1)) >= n:
        return -1
    counts = np.bincount(votes.view(np.uint8), minlength=256)
    return int(np.array(counts.argmax(), np.uint8).view(np.int8))


def gaps(votes: Int8, usual: int) -> tuple[UInt8, Int8]:
    """Return the gaps before the rows with another code than the usual, as bytes, and their codes.

    Examples
    --------
    >>> where, what = gaps(np.array([-1, -1, 5, 0, -1], np.int8), -1)
    >>> where.tolist(), what.tolist()
    ([2, 0], [5, 0])
    """
    votes = np.require(votes, np.int8, ("C", "W"))
    if votes.ctypes.data % _WORD:
        votes = votes.copy()
    words = votes[: len(votes) // _WORD * _WORD].view(np.uint64)
    pattern = np.full(_WORD, usual, np.int8).view(np.uint64)[0]
    where, what = _gaps(votes, words, pattern, np.int8(usual), PLACE)
    return where, what


def from_gaps(where: UInt8, what: Int8, usual: int, rows: int) -> Int8:
    """Return the column of votes; `what` has one code for all places, or one for each.

    Examples
    --------
    >>> from_gaps(np.array([2, 0], np.uint8), np.array([5], np.int8), -1, 5).tolist()
    [-1, -1, 5, 5, -1]
    """
    votes = np.full(rows, usual, np.int8)
    _fill(where, what, votes)
    return votes


def column_events(columns: Sequence[tuple[UInt8, Int8]], rows: int) -> tuple[Int64, Int32, Int8]:
    """Return what columns hold other than -1, row by row: `indptr` (rows + 1,), `labelers` and `codes` (events,).

    The columns are not spread out: that takes time for each vote, not for each cell.

    Parameters
    ----------
    columns
        Gaps and codes of each column, whose usual code is -1; codes as for `from_gaps`.
    rows
        Length of each column.

    Examples
    --------
    >>> one, other = gaps(np.array([0, -1, 2], np.int8), -1), gaps(np.array([-1, -1, 1], np.int8), -1)
    >>> [part.tolist() for part in column_events([one, other], 3)]
    [[0, 1, 1, 3], [0, 0, 1], [0, 2, 1]]
    """
    nothing = np.empty(0, np.uint8), np.empty(0, np.int8)
    where, what = (np.concatenate(parts) for parts in zip(nothing, *columns, strict=True))
    ends = np.cumsum([0, *(len(own) for own, _ in columns)])
    firsts = np.cumsum([0, *(len(own) for _, own in columns)])
    found: tuple[Int64, Int32, Int8] = _column_events(where, ends, what, firsts, rows)
    return found


@njit
def _gaps(votes: Any, words: Any, pattern: Any, usual: Any, place: Any) -> Any:
    """Eight votes at a time: a word of usual codes costs one comparison, and the others of another are picked out."""
    low, high = np.uint64(0x0101010101010101), np.uint64(0x8080808080808080)
    rest, hash_by, shift = np.uint64(0x7F7F7F7F7F7F7F7F), np.uint64(0x03F79D71B4CB0A89), np.uint64(58)
    n, size = len(votes), np.int64(0)
    for w in range(len(words)):
        x = words[w] ^ pattern
        other = (((x & rest) + rest) | x) & high  # the top bit of each byte that isn't usual
        size += np.int64(((other >> np.uint64(7)) * low) >> np.uint64(56))
    for at in range(8 * len(words), n):
        size += votes[at] != usual
    where, what = np.empty(size + n // 255, np.uint8), np.empty(size, np.int8)
    used, found, last = 0, 0, -1
    for w in range(len(words) + 1):
        if w < len(words):
            x = words[w] ^ pattern
            if x == 0:
                continue
            other = (((x & rest) + rest) | x) & high
        else:
            other = np.uint64(0)
            for at in range(8 * w, n):
                if votes[at] != usual:
                    other |= np.uint64(0x80) << np.uint64(8 * (at - 8 * w))
        while other != 0:
            first = other & (~other + np.uint64(1))
            row = 8 * w + place[(first * hash_by) >> shift]
            other ^= first
            gap = row - last - 1
            while gap >= 255:
                where[used] = 255
                used += 1
                gap -= 255
            where[used] = gap
            used += 1
            what[found] = votes[row]
            found += 1
            last = row
    return where[:used].copy(), what


@njit
def _fill(where: Any, what: Any, votes: Any) -> Any:
    row, found = 0, 0
    for i in range(len(where)):
        row += int(where[i])
        if where[i] < _MORE:
            votes[row] = what[found] if len(what) > 1 else what[0]
            found += 1
            row += 1


@njit
def _column_events(where: Any, ends: Any, what: Any, firsts: Any, rows: Any) -> Any:
    """Count the events of each row, then put them in their places, column by column."""
    indptr = np.zeros(rows + 1, np.int64)
    at = np.zeros(rows, np.int32)
    row: Any = np.int64(0)
    for j in range(len(ends) - 1):
        row = np.int64(0)
        for i in range(ends[j], ends[j + 1]):
            row += np.int64(where[i])
            if where[i] < _MORE:
                at[row] += 1
                row += 1
    for row in range(rows):
        indptr[row + 1] = indptr[row] + at[row]
        at[row] = indptr[row]
    labelers, codes = np.empty(indptr[rows], np.int32), np.empty(indptr[rows], np.int8)
    for j in range(len(ends) - 1):
        row, found = np.int64(0), firsts[j]
        step = 1 if firsts[j + 1] - firsts[j] > 1 else 0
        for i in range(ends[j], ends[j + 1]):
            row += np.int64(where[i])
            if where[i] < _MORE:
                labelers[at[row]] = j
                codes[at[row]] = what[found]
                at[row] += 1
                found += step
                row += 1
    return indptr, labelers, codes
