"""Kernels that read two votes as like or unlike; abstentions are passed over."""

from __future__ import annotations

from typing import Any

import numpy as np

from weaklabel.kernels.jit import njit


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
