"""Keys of rows, and the grouping of rows by key.

The key of a row is the sum, modulo 2**64, of one 64-bit number per event, then mixed. A sum doesn't depend on
the order of its terms, so neither the order of labelers nor that of a row's answers changes a key.

Integer sums wrap around on purpose; numpy's warning about that (seen only with `NUMBA_DISABLE_JIT=1`) is
silenced around each call.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from weaklabel.kernels.jit import njit

Int64 = npt.NDArray[np.int64]
Int32 = npt.NDArray[np.int32]
Int8 = npt.NDArray[np.int8]

_SLOTS = 1 << 17
"""So many places for keys are made at once; more when they fill up."""


def dense_keys(votes: Int8, table: Int64) -> Int64:
    """Return the unmixed key of each row of a dense matrix.

    Parameters
    ----------
    votes
        (n, m) codes, -2 and up.
    table
        (m, codes) number of each event, column `code + 2`; 0 where the code is the labeler's silence.

    Examples
    --------
    >>> dense_keys(np.array([[-1, 0], [0, -1]], np.int8), np.array([[9, 0, 5], [9, 0, 7]]))
    array([7, 5])
    """
    with np.errstate(over="ignore"):
        return _dense_keys(votes, table)


def event_keys(indptr: Int64, labelers: Int32, codes: Int8, table: Int64) -> Int64:
    """Return the unmixed key of each row of events; `table` as in `dense_keys`.

    Examples
    --------
    >>> event_keys(*map(np.array, ([0, 1, 3], [1, 0, 1], [0, 0, 0], [[9, 0, 5], [9, 0, 7]])))
    array([ 7, 12])
    """
    with np.errstate(over="ignore"):
        return _event_keys(indptr, labelers, codes, table)


def mix(keys: Int64) -> Int64:
    """Return keys whose bits all depend on all bits (the finaliser of MurmurHash3; one to one).

    Examples
    --------
    >>> mix(np.array([0, 1]))
    array([                   0, -5451962507482445012])
    """
    x = keys.view(np.uint64).copy()
    for factor in (0xFF51AFD7ED558CCD, 0xC4CEB9FE1A85EC53):
        x ^= x >> np.uint64(33)
        x *= np.uint64(factor)
    x ^= x >> np.uint64(33)
    return x.view(np.int64)


def group(keys: Int64) -> tuple[Int64, Int64]:
    """Return the first row of each distinct key, and for each row the number of its group.

    Examples
    --------
    >>> group(np.array([4, 7, 4]))
    (array([0, 1]), array([0, 1, 0]))
    """
    with np.errstate(over="ignore"):
        first, groups = _group(keys)
    return first, groups


@njit
def _dense_keys(votes: Any, table: Any) -> Any:
    n, m = votes.shape
    keys = np.zeros(n, np.int64)
    for i in range(n):
        total = np.int64(0)
        for j in range(m):
            total += table[j, votes[i, j] + 2]
        keys[i] = total
    return keys


@njit
def _event_keys(indptr: Any, labelers: Any, codes: Any, table: Any) -> Any:
    n = len(indptr) - 1
    keys = np.zeros(n, np.int64)
    for i in range(n):
        total = np.int64(0)
        for e in range(indptr[i], indptr[i + 1]):
            total += table[labelers[e], codes[e] + 2]
        keys[i] = total
    return keys


@njit
def _group(keys: Any) -> Any:
    n = len(keys)
    groups = np.empty(n, np.int64)
    first = np.empty(max(n, 1), np.int64)
    size = 1024
    while size < n and size < _SLOTS:
        size *= 2
    slots, held = np.full(size, -1, np.int64), np.empty(size, np.int64)
    found = 0
    for i in range(n):
        key = keys[i]
        at = (key ^ (key >> 32)) & (size - 1)
        while slots[at] >= 0 and held[at] != key:
            at = (at + 1) & (size - 1)
        if slots[at] < 0:
            slots[at], held[at] = found, key
            first[found] = i
            found += 1
        groups[i] = slots[at]
        if 2 * found > size:
            size *= 2
            slots, held = np.full(size, -1, np.int64), np.empty(size, np.int64)
            for g in range(found):
                other = keys[first[g]]
                to = (other ^ (other >> 32)) & (size - 1)
                while slots[to] >= 0:
                    to = (to + 1) & (size - 1)
                slots[to], held[to] = g, other
    return first[:found].copy(), groups


@njit
def dense_to_events(votes: Any, rows: Any, silence: Any) -> Any:
    """Return the events (indptr, labelers, codes) of chosen rows: codes that differ from the silence."""
    m = votes.shape[1]
    indptr = np.zeros(len(rows) + 1, np.int64)
    for u in range(len(rows)):
        count = 0
        for j in range(m):
            if votes[rows[u], j] != silence[j]:
                count += 1
        indptr[u + 1] = indptr[u] + count
    labelers = np.empty(indptr[-1], np.int32)
    codes = np.empty(indptr[-1], np.int8)
    for u in range(len(rows)):
        e = indptr[u]
        for j in range(m):
            if votes[rows[u], j] != silence[j]:
                labelers[e] = j
                codes[e] = votes[rows[u], j]
                e += 1
    return indptr, labelers, codes


@njit
def take_events(indptr: Any, labelers: Any, codes: Any, rows: Any) -> Any:
    """Return the events (indptr, labelers, codes) of chosen rows."""
    new = np.zeros(len(rows) + 1, np.int64)
    for u in range(len(rows)):
        new[u + 1] = new[u] + indptr[rows[u] + 1] - indptr[rows[u]]
    who = np.empty(new[-1], np.int32)
    what = np.empty(new[-1], np.int8)
    for u in range(len(rows)):
        start = indptr[rows[u]]
        for e in range(new[u], new[u + 1]):
            who[e] = labelers[start + e - new[u]]
            what[e] = codes[start + e - new[u]]
    return new, who, what


def labeler_hashes(indptr: Int64, labelers: Any, codes: Any, m: int) -> Int64:
    """Return a hash of each labeler's events, (m,): the sum of mixed pairs of row and code.

    Examples
    --------
    >>> same = labeler_hashes(np.array([0, 2]), np.array([0, 1]), np.array([1, 1]), 2)
    >>> bool(same[0] == same[1])
    True
    """
    with np.errstate(over="ignore"):
        found: Int64 = _labeler_hashes(indptr, labelers, codes, m)
    return found


@njit
def _labeler_hashes(indptr: Any, labelers: Any, codes: Any, m: Any) -> Any:
    found = np.zeros(m, np.int64)
    for u in range(len(indptr) - 1):
        for e in range(indptr[u], indptr[u + 1]):
            x = np.uint64(np.int64(u) * 256 + np.int64(codes[e]) + 3)
            x = (x ^ (x >> np.uint64(31))) * np.uint64(0xBF58476D1CE4E5B9)
            x = (x ^ (x >> np.uint64(29))) * np.uint64(0x94D049BB133111EB)
            found[labelers[e]] += np.int64(x ^ (x >> np.uint64(32)))
    return found


@njit
def sort_events(indptr: Any, labelers: Any, codes: Any) -> None:
    """Sort each row's events by labeler, then code, in place."""
    for i in range(len(indptr) - 1):
        for e in range(indptr[i] + 1, indptr[i + 1]):
            who, what = labelers[e], codes[e]
            f = e - 1
            while f >= indptr[i] and (labelers[f] > who or (labelers[f] == who and codes[f] > what)):
                labelers[f + 1], codes[f + 1] = labelers[f], codes[f]
                f -= 1
            labelers[f + 1], codes[f + 1] = who, what


@njit
def dense_difference(votes: Any, groups: Any, first: Any) -> Any:
    """Return the first row that differs from the first row of its group, or -1."""
    for i in range(len(groups)):
        r = first[groups[i]]
        if r != i:
            for j in range(votes.shape[1]):
                if votes[i, j] != votes[r, j]:
                    return i
    return -1


@njit
def event_difference(indptr: Any, labelers: Any, codes: Any, groups: Any, first: Any) -> Any:
    """Return the first row whose sorted events differ from those of the first row of its group, or -1."""
    for i in range(len(groups)):
        r = first[groups[i]]
        if r == i:
            continue
        if indptr[i + 1] - indptr[i] != indptr[r + 1] - indptr[r]:
            return i
        for e in range(indptr[i + 1] - indptr[i]):
            a, b = indptr[i] + e, indptr[r] + e
            if labelers[a] != labelers[b] or codes[a] != codes[b]:
                return i
    return -1


@njit
def sum_by_group(weights: Any, groups: Any, size: Any) -> Any:
    """Return the sum of integer weights of each group."""
    sums = np.zeros(size, np.int64)
    for i in range(len(groups)):
        sums[groups[i]] += weights[i]
    return sums


def merge_sorted(one: Any, other: Any) -> tuple[Int64, Int32, Int8, Int64, Int64] | None:
    """Merge two lists of distinct rows that are sorted by key; counts of equal rows are added.

    Parameters
    ----------
    one, other
        indptr, labelers, codes, counts and keys of each; events of a row in the order of their labelers, then codes.

    Returns
    -------
    The same five arrays of both, or None where two different rows have one key.

    Examples
    --------
    >>> one = [np.array(a, t) for a, t in (([0, 1], "i8"), ([0], "i4"), ([1], "i1"), ([2], "i8"), ([5], "i8"))]
    >>> other = [np.array(a, t) for a, t in (([0, 0], "i8"), ([], "i4"), ([], "i1"), ([3], "i8"), ([4], "i8"))]
    >>> [part.tolist() for part in merge_sorted(one, other)]
    [[0, 0, 1], [0], [1], [3, 2], [4, 5]]
    """
    found: tuple[bool, Int64, Int32, Int8, Int64, Int64] = _merge_sorted(*one, *other)
    return found[1:] if found[0] else None


@njit
def _merge_sorted(
    indptr_a: Any,
    labelers_a: Any,
    codes_a: Any,
    counts_a: Any,
    keys_a: Any,
    indptr_b: Any,
    labelers_b: Any,
    codes_b: Any,
    counts_b: Any,
    keys_b: Any,
) -> Any:
    """Count the rows and events of both first, so that no more memory is taken than they need."""
    a, b, n, e = 0, 0, len(keys_a) + len(keys_b), len(codes_a) + len(codes_b)
    while a < len(keys_a) and b < len(keys_b):
        if keys_a[a] == keys_b[b]:
            n -= 1
            e -= indptr_b[b + 1] - indptr_b[b]
            a, b = a + 1, b + 1
        elif keys_a[a] < keys_b[b]:
            a += 1
        else:
            b += 1
    indptr, counts, keys = np.zeros(n + 1, np.int64), np.empty(n, np.int64), np.empty(n, np.int64)
    labelers, codes = np.empty(e, np.int32), np.empty(e, np.int8)
    fits = True
    a, b, e = 0, 0, 0
    for row in range(n):
        from_a = b == len(keys_b) or (a < len(keys_a) and keys_a[a] <= keys_b[b])
        from_b = a == len(keys_a) or (b < len(keys_b) and keys_b[b] <= keys_a[a])
        counts[row] = 0
        if from_a and from_b:
            size = indptr_a[a + 1] - indptr_a[a]
            fits &= size == indptr_b[b + 1] - indptr_b[b]
            for i in range(size if fits else 0):
                x, y = indptr_a[a] + i, indptr_b[b] + i
                fits &= labelers_a[x] == labelers_b[y] and codes_a[x] == codes_b[y]
        if from_b:
            keys[row] = keys_b[b]
            counts[row] += counts_b[b]
            if not from_a:
                for y in range(indptr_b[b], indptr_b[b + 1]):
                    labelers[e], codes[e] = labelers_b[y], codes_b[y]
                    e += 1
            b += 1
        if from_a:
            keys[row] = keys_a[a]
            counts[row] += counts_a[a]
            for x in range(indptr_a[a], indptr_a[a + 1]):
                labelers[e], codes[e] = labelers_a[x], codes_a[x]
                e += 1
            a += 1
        indptr[row + 1] = e
    return fits, indptr, labelers, codes, counts, keys
