"""Rows of votes read as they lie, eight at a time, without grouping equal ones."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from weaklabel.kernels.jit import njit


def dense_events(
    votes: npt.NDArray[np.int8],
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int32], npt.NDArray[np.int8]]:
    """Return all votes other than -1, row by row: `indptr` (n + 1,), `labelers` and `codes` (events,).

    Parameters
    ----------
    votes
        (n, m) C-contiguous.

    Examples
    --------
    >>> indptr, labelers, codes = dense_events(np.array([[0, -1], [-1, 1]], np.int8))
    >>> indptr.tolist(), labelers.tolist(), codes.tolist()
    ([0, 1, 2], [0, 1], [0, 1])
    """
    n, m = votes.shape
    flat = votes.reshape(-1)
    words = flat[: len(flat) // 8 * 8].view(np.uint64)
    size = _count(words, flat)
    indptr, labelers, codes = np.empty(n + 1, np.int64), np.empty(size, np.int32), np.empty(size, np.int8)
    _fill(words, flat, m, PLACE, indptr, labelers, codes)
    return indptr, labelers, codes


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
def _fill(words: Any, flat: Any, m: Any, place: Any, indptr: Any, labelers: Any, codes: Any) -> None:
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
            labelers[e] = at - start
            codes[e] = flat[at]
            e += 1
    for at in range(len(words) * 8, n * m):
        if flat[at] != -1:
            while at >= start + m:
                row += 1
                start += m
                indptr[row] = e
            labelers[e] = at - start
            codes[e] = flat[at]
            e += 1
    while row < n:
        row += 1
        indptr[row] = e


def _places() -> npt.NDArray[np.int64]:
    """Return, by the hash of a single bit of a 64-bit word, the number of its byte (de Bruijn's sequence)."""
    table = np.zeros(64, np.int64)
    for bit in range(64):
        table[((1 << bit) * 0x03F79D71B4CB0A89 & 2**64 - 1) >> 58] = bit // 8
    return table


PLACE = _places()
