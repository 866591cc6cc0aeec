"""Hashes of texts: 64 bits each, the same on every machine and in every release.

Eight bytes at a time are mixed into the state, the length first, so that a text and the same text with zeros
behind it differ; the last step lets every bit depend on every bit.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from weaklabel.kernels.jit import njit

Int64 = npt.NDArray[np.int64]
UInt8 = npt.NDArray[np.uint8]
UInt64 = npt.NDArray[np.uint64]

_FACTOR = np.uint64(0x9FB21C651E98DF25)
_MIXER = np.uint64(0xD6E8FEB86659FD93)


def hash_texts(offsets: Int64, data: UInt8, seed: int) -> UInt64:
    """Return the hash of each text.

    Parameters
    ----------
    offsets
        (n + 1,) where each text begins in `data`, and where the last one ends.
    data
        The texts' bytes, one after the other.
    seed
        Another seed gives hashes that have nothing to do with these.

    Examples
    --------
    >>> hash_texts(np.array([0, 1, 3]), np.frombuffer(b"abc", np.uint8), 0).tolist()
    [77558296623905149, 11757338057405077161]
    """
    with np.errstate(over="ignore"):
        found: UInt64 = _hash_texts(offsets, data, np.uint64(seed))
    return found


def leading_zeros(hashes: UInt64) -> npt.NDArray[np.int8]:
    """Return how many zeros each hash begins with, 0 to 64.

    Examples
    --------
    >>> leading_zeros(np.array([0, 1, 2**62, 2**63], np.uint64)).tolist()
    [64, 63, 1, 0]
    """
    found: npt.NDArray[np.int8] = _leading_zeros(hashes)
    return found


@njit
def _hash_texts(offsets: Any, data: Any, seed: Any) -> Any:
    n = len(offsets) - 1
    found = np.empty(n, np.uint64)
    for i in range(n):
        at, stop = offsets[i], offsets[i + 1]
        state = (np.uint64(stop - at) ^ seed) * _FACTOR
        while at < stop:
            word = np.uint64(0)
            if at + 8 <= stop:
                for j in range(8):
                    word |= np.uint64(data[at + j]) << np.uint64(8 * j)
            else:
                for j in range(stop - at):
                    word |= np.uint64(data[at + j]) << np.uint64(8 * j)
            word *= _MIXER
            word ^= word >> np.uint64(32)
            state ^= word * _FACTOR
            state = (state << np.uint64(27)) | (state >> np.uint64(37))
            state = state * np.uint64(5) + _MIXER
            at += 8
        state ^= state >> np.uint64(32)
        state *= _MIXER
        state ^= state >> np.uint64(29)
        state *= _FACTOR
        found[i] = state ^ (state >> np.uint64(32))
    return found


@njit
def _leading_zeros(hashes: Any) -> Any:
    found = np.zeros(len(hashes), np.int8)
    for i in range(len(hashes)):
        zeros, rest = 0, hashes[i]
        while zeros < 64 and rest < np.uint64(1 << 63):
            rest = rest << np.uint64(1)
            zeros += 1
        found[i] = zeros
    return found
