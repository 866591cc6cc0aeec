"""Texts in UTF-8 with characters replaced by others."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from weaklabel.kernels.jit import njit

Int32 = npt.NDArray[np.int32]
Int64 = npt.NDArray[np.int64]
UInt8 = npt.NDArray[np.uint8]


def replaced(offsets: Int64, data: UInt8, rows: Int64, others: Int32) -> tuple[Int64, UInt8]:
    """Return some texts, end to end, with characters replaced.

    Parameters
    ----------
    offsets
        (n + 1,) where each text begins in `data`, and where the last one ends.
    data
        The texts' bytes: UTF-8.
    rows
        Which of them.
    others
        For each code point the one that stands for it; 0: it stays, as do ASCII and what is beyond the table's end.

    Examples
    --------
    >>> others = np.zeros(256, np.int32)
    >>> others[ord("É")] = ord("é")
    >>> offsets, data = replaced(np.array([0, 1, 4]), np.frombuffer("aÉ!".encode(), np.uint8), np.array([1]), others)
    >>> offsets.tolist(), data.tobytes().decode()
    ([0, 3], 'é!')
    """
    found: tuple[Int64, UInt8] = _replaced(offsets, data, rows, others)
    return found


@njit
def _replaced(offsets: Any, data: Any, rows: Any, others: Any) -> Any:
    size: Any = np.int64(0)
    for i in rows:
        size += offsets[i + 1] - offsets[i]
    out, ends = np.empty(2 * size, np.uint8), np.zeros(len(rows) + 1, np.int64)  # 2 bytes become 4 at most
    to = 0
    for k in range(len(rows)):
        at, stop = offsets[rows[k]], offsets[rows[k] + 1]
        while at < stop:
            byte = np.int64(data[at])
            if byte < 0x80:
                out[to] = byte
                at, to = at + 1, to + 1
                continue
            size = 2 if byte < 0xE0 else 3 if byte < 0xF0 else 4
            point = byte if size == 1 else byte & (0x7F >> size)
            for further in range(1, size):
                point = point << 6 | (np.int64(data[at + further]) & 63)
            other = np.int64(others[point]) if point < len(others) else 0
            if other == 0:
                for further in range(size):
                    out[to + further] = data[at + further]
                to += size
            elif other < 0x80:
                out[to] = other
                to += 1
            else:
                more = 1 if other < 0x800 else 2 if other < 0x10000 else 3
                out[to] = (0xC0 if more == 1 else 0xE0 if more == 2 else 0xF0) | other >> 6 * more
                for further in range(more):
                    out[to + more - further] = 0x80 | (other >> 6 * further & 63)
                to += more + 1
            at += size
        ends[k + 1] = to
    return ends, out[:to].copy()
