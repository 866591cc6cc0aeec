"""Distinct rows of votes with their counts, keyed by what they hold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from weaklabel.errors import GoldError, VotesError
from weaklabel.fingerprint import event_hash
from weaklabel.schema import ABSTAIN, MAX_CODE, MISSING

Int64 = npt.NDArray[np.int64]
Int32 = npt.NDArray[np.int32]
Int8 = npt.NDArray[np.int8]

PROBE = 20_000
"""Rows by which it is judged whether grouping pays."""

RANGE_HINT = f"votes are -1 (abstained), -2 (not asked), or a class code from 0 to {MAX_CODE}"


@dataclass(frozen=True, eq=False)
class Events:
    """Votes as a list of events, row by row; a labeler without an event in a row was silent there.

    Parameters
    ----------
    indptr
        (n + 1,) int64: events of row i are `indptr[i]` to `indptr[i + 1] - 1`.
    labelers
        (events,) int32: position of the labeler, ascending within a row.
    codes
        (events,) int8: what the labeler said.

    Examples
    --------
    >>> from weaklabel.label_matrix import LabelMatrix
    >>> LabelMatrix.from_numpy([[0, -1], [-1, -1], [1, 0]]).events().indptr
    array([0, 1, 1, 3])
    """

    indptr: Int64
    labelers: Int32
    codes: Int8


@dataclass(frozen=True, eq=False)
class VotePatterns:
    """The distinct rows of votes with their counts, in an order that only their content decides.

    A row's key is the sum modulo 2**64 of `event_hash(labeler, code)` over its events, mixed, as Int64;
    patterns are sorted by key. So the order of rows, of shards and of labelers leaves them as they are. Rows of
    equal keys are compared event by event: two different rows with one key (about one chance in 10**10 at
    60,000 patterns) raise an error instead of being counted as one. Repeated answers are separate events.

    Parameters
    ----------
    labelers
        Ids of the labelers, by position.
    silence
        (m,) int8: what the absence of an event means, -1 (abstained) or -2 (not asked).
    indptr, labeler_index, codes
        Events of each pattern, as in `Events`.
    counts
        (u,) int64: number of rows with this pattern.
    keys
        (u,) int64, ascending.
    inverse
        (n,) int64: the pattern of each row; None when it is not known.

    Examples
    --------
    >>> patterns = dense_patterns([[0, -1], [1, 0], [0, -1]])
    >>> len(patterns), patterns.n_rows, sorted(patterns.counts.tolist())
    (2, 3, [1, 2])
    """

    labelers: tuple[str, ...]
    silence: Int8
    indptr: Int64
    labeler_index: Int32
    codes: Int8
    counts: Int64
    keys: Int64
    inverse: Int64 | None = None

    def __len__(self) -> int:
        return len(self.counts)

    @property
    def n_rows(self) -> int:
        """Number of rows behind the patterns."""
        return int(self.counts.sum())

    @cached_property
    def pattern_index(self) -> Int64:
        """(events,) int64: the pattern of each event."""
        return np.repeat(np.arange(len(self)), np.diff(self.indptr))

    @cached_property
    def n_votes(self) -> Int64:
        """(u,) int64: number of votes for a class; 0 marks a pattern without votes."""
        if not len(self.codes) or self.codes.min() >= 0:
            return np.diff(self.indptr)
        return np.bincount(self.pattern_index[self.codes >= 0], minlength=len(self))

    def gold_table(self, gold: npt.ArrayLike, *, n_classes: int) -> Int64:
        """Count the known gold labels of each pattern.

        Parameters
        ----------
        gold
            (n,) integers in row order, -1 where unknown.
        n_classes
            Number of classes.

        Returns
        -------
        (u, k) int64.

        Raises
        ------
        GoldError
            The patterns don't know their rows, or gold has the wrong length, type or codes.

        Examples
        --------
        >>> dense_patterns([[0], [0], [0]]).gold_table([1, -1, 0], n_classes=2)
        array([[1, 1]])
        """
        if self.inverse is None:
            hint = "give gold as a (patterns, classes) table of counts"
            raise GoldError("these patterns were merged from counts and don't know their rows", hint=hint)
        codes = gold_array(gold, len(self.inverse), n_classes)
        known = codes >= 0
        cells = self.inverse[known] * n_classes + codes[known]
        return np.bincount(cells, minlength=len(self) * n_classes).reshape(len(self), n_classes)

    def without_rows(self) -> VotePatterns:
        """Return the same patterns without `inverse`: what a shard sends when only counts matter."""
        return replace(self, inverse=None)

    def with_silence(self, silence: npt.ArrayLike) -> VotePatterns:
        """Return the same rows written with another silence per labeler (see `merge`).

        Examples
        --------
        >>> votes = dense_patterns([[0, -1], [-1, -1]])
        >>> sorted(votes.with_silence([-1, -2]).codes.tolist())  # the second labeler's -1 is now spelt out
        [-1, -1, 0]
        """
        target = np.asarray(silence, np.int8)
        changed = np.flatnonzero(target != self.silence)
        if not len(changed):
            return self
        spoke = np.zeros((len(self), len(self.labelers)), bool)
        spoke[self.pattern_index, self.labeler_index] = True
        row, who = np.nonzero(~spoke[:, changed])
        keep = self.codes != np.where(np.isin(self.labeler_index, changed), target[self.labeler_index], 127)
        rows = np.concatenate([self.pattern_index[keep], row])
        labelers = np.concatenate([self.labeler_index[keep], changed[who]]).astype(np.int32)
        codes = np.concatenate([self.codes[keep], self.silence[changed[who]]])
        order = np.lexsort((codes, labelers, rows))
        indptr = np.concatenate([[0], np.cumsum(np.bincount(rows, minlength=len(self)))])
        events = Events(indptr, labelers[order], codes[order])
        return event_patterns(events, self.labelers, target, self.counts, self.inverse)

    @classmethod
    def merge(cls, parts: Sequence[VotePatterns]) -> VotePatterns:
        """Merge the patterns of shards: counts of equal patterns are added.

        Rows are in the order of the parts; `inverse` is kept when every part has one. Labelers are aligned by
        name, in the order of the first part. Where parts differ in a labeler's silence, -1 wins.

        Raises
        ------
        VotesError
            No parts, or parts with different labelers; the difference is named.

        Examples
        --------
        >>> a = dense_patterns([[0, -1], [1, 0]])
        >>> VotePatterns.merge([a, a]).counts
        array([2, 2])
        """
        if not parts:
            raise VotesError("no vote patterns to merge", hint="give at least one shard")
        labelers = parts[0].labelers
        aligned = [_aligned(part, labelers, i) for i, part in enumerate(parts)]
        silence = np.max([part.silence for part in aligned], axis=0) if labelers else parts[0].silence
        aligned = [part.with_silence(silence) for part in aligned]
        if all(part.inverse is None for part in aligned):
            return _merged_counts(aligned)
        starts = np.cumsum([0, *(len(p) for p in aligned)])
        events = concatenated([Events(p.indptr, p.labeler_index, p.codes) for p in aligned])
        inverses = [p.inverse + s for p, s in zip(aligned, starts, strict=False) if p.inverse is not None]
        inverse = np.concatenate(inverses) if len(inverses) == len(aligned) else None
        counts = np.concatenate([p.counts for p in aligned])
        return event_patterns(events, labelers, silence, counts, inverse)


def _merged_counts(parts: Sequence[VotePatterns]) -> VotePatterns:
    """Merge patterns of the same labelers that don't know their rows, two lists of sorted keys at a time."""
    from weaklabel.kernels.patterns import merge_sorted

    found = list(parts)
    while len(found) > 1:
        some = []
        for one, other in zip(found[::2], found[1::2], strict=False):
            both = merge_sorted(
                *((p.indptr, p.labeler_index, p.codes, p.counts, p.keys) for p in (one, other))
            )
            if both is None:
                raise collision(one.labelers)
            some.append(VotePatterns(one.labelers, one.silence, *both))
        found = some + found[len(some) * 2 :]
    return found[0]


def vote_array(votes: npt.ArrayLike) -> Int8:
    """Return votes as an (n, m) int8 array, or say what is wrong with them.

    Raises
    ------
    VotesError
        Not two-dimensional, not integers (NaN, floats, booleans, text), or out of range.

    Examples
    --------
    >>> vote_array([[0, -1], [1, 1]]).dtype
    dtype('int8')
    """
    array = np.asarray(votes)
    if array.ndim != 2:
        raise VotesError(f"votes are a matrix (rows, labelers), not an array of shape {array.shape}")
    if not np.issubdtype(array.dtype, np.integer):
        kind = "NaN" if array.dtype.kind == "f" and np.isnan(array).any() else f"values of type {array.dtype}"
        raise VotesError(f"votes are integers, and these hold {kind}", hint=RANGE_HINT)
    if array.size and (array.min() < MISSING or array.max() > MAX_CODE):
        i, j = np.argwhere((array < MISSING) | (array > MAX_CODE))[0]
        raise VotesError(f"vote {array[i, j]} is out of range", where=f"row {i}, column {j}", hint=RANGE_HINT)
    return array.astype(np.int8, copy=False)


def dense_patterns(
    votes: npt.ArrayLike, labelers: tuple[str, ...] | None = None, silence: Int8 | None = None
) -> VotePatterns:
    """Return the patterns of an (n, m) matrix of codes; labelers are "0", "1", … when not given.

    Examples
    --------
    >>> dense_patterns([[0, 1], [0, 1]]).counts
    array([2])
    """
    from weaklabel.kernels import patterns as kernel

    array = vote_array(votes)
    if labelers is None:
        labelers = tuple(str(j) for j in range(array.shape[1]))
    if silence is None:
        silence = guess_silence(array)
    raw = kernel.dense_keys(array, event_table(labelers, silence, array))
    first, groups = kernel.group(raw)
    clash = kernel.dense_difference(array, groups, first)
    if clash >= 0:
        raise collision(labelers)
    keys, order, rank = _order(raw[first])
    indptr, who, codes = kernel.dense_to_events(array, first[order], silence)
    counts = kernel.sum_by_group(np.ones(len(array), np.int64), groups, len(first))
    return VotePatterns(labelers, silence, indptr, who, codes, counts[order], keys[order], rank[groups])


def row_patterns(votes: Int8, labelers: tuple[str, ...], silence: Int8) -> VotePatterns:
    """Return the rows of a matrix of codes as patterns that stand for one row each, equal ones not grouped.

    Quicker where nearly every row is different. `keys` are the rows' numbers: such patterns are for predicting only.

    Examples
    --------
    >>> rows = row_patterns(np.array([[0, 1], [0, 1]], np.int8), ("a", "b"), np.array([-1, -1], np.int8))
    >>> len(rows), rows.codes.tolist()
    (2, [0, 1, 0, 1])
    """
    from weaklabel.kernels.patterns import dense_to_events
    from weaklabel.kernels.rows import dense_events

    rows = np.arange(len(votes), dtype=np.int64)
    if (silence == ABSTAIN).all() and votes.flags.c_contiguous:
        parts = dense_events(votes)
    else:
        parts = dense_to_events(votes, rows, silence)
    return VotePatterns(labelers, silence, *parts, np.ones(len(votes), np.int64), rows, rows)


def nameless(m: int) -> tuple[str, ...]:
    """Return the ids of m labelers that were not named: they go by position.

    Examples
    --------
    >>> nameless(2)
    ('0', '1')
    """
    return tuple(str(j) for j in range(m))


def mostly_distinct(votes: Int8) -> bool:
    """Say whether grouping equal rows of a matrix would hardly make it smaller; judged by `PROBE` rows.

    Examples
    --------
    >>> mostly_distinct(np.zeros((200_000, 3), np.int8))
    False
    """
    from weaklabel.kernels.patterns import mix

    if len(votes) <= 2 * PROBE:
        return False
    some = votes[:: len(votes) // PROBE]
    words = np.zeros((len(some), -(-votes.shape[1] // 8) * 8), np.int8)
    words[:, : votes.shape[1]] = some
    keys = np.zeros(len(some), np.int64)
    for column in np.ascontiguousarray(words.view(np.int64).T):
        keys = mix(keys + column)
    return len(np.unique(keys)) > 0.9 * len(some)


def event_patterns(
    events: Events, labelers: tuple[str, ...], silence: Int8, counts: Int64, inverse: Int64 | None
) -> VotePatterns:
    """Return the patterns of rows given as sorted events, each standing for `counts` rows.

    `inverse` maps the caller's rows to these rows; it comes back mapped to the patterns.
    """
    from weaklabel.kernels import patterns as kernel

    parts = (events.indptr, events.labelers, events.codes)
    raw = kernel.event_keys(*parts, event_table(labelers, silence, events.codes))
    first, groups = kernel.group(raw)
    if kernel.event_difference(*parts, groups, first) >= 0:
        raise collision(labelers)
    keys, order, rank = _order(raw[first])
    total = kernel.sum_by_group(counts, groups, len(first))
    rows = None if inverse is None else rank[groups[inverse]]
    indptr, who, codes = kernel.take_events(*parts, first[order])
    return VotePatterns(labelers, silence, indptr, who, codes, total[order], keys[order], rows)


def guess_silence(votes: Int8) -> Int8:
    """Return the silence of each column of a plain array.

    -2 (a person) where a column holds -2 and no -1, and for every column of an array that holds -2 but nowhere
    -1; -1 (a rule) otherwise.
    """
    if not votes.size or votes.min() > MISSING:
        return np.full(votes.shape[1], ABSTAIN, np.int8)
    missing, abstained = (votes == MISSING).any(0), (votes == ABSTAIN).any(0)
    person = ~abstained & (missing | (missing.any() and not abstained.any()))
    return np.where(person, MISSING, ABSTAIN).astype(np.int8)


def concatenated(parts: Sequence[Events]) -> Events:
    """Return the events of all parts, one below the other."""
    ends = np.cumsum([0, *(part.indptr[-1] for part in parts)])
    return Events(
        np.concatenate([[0], *(p.indptr[1:] + e for p, e in zip(parts, ends, strict=False))]).astype(
            np.int64
        ),
        np.concatenate([p.labelers for p in parts]),
        np.concatenate([p.codes for p in parts]),
    )


def unique_names(names: Sequence[str], kind: str) -> None:
    """Raise a `VotesError` when a name occurs twice."""
    seen: dict[str, int] = {}
    for j, name in enumerate(names):
        if name in seen:
            raise VotesError(f"{kind} {name!r} occurs twice, at positions {seen[name]} and {j}")
        seen[name] = j


def different_labelers(expected: Sequence[str], got: Sequence[str], where: str) -> VotesError:
    """Return an error that names what two lists of labelers don't share."""
    missing = [n for n in expected if n not in set(got)]
    new = [n for n in got if n not in set(expected)]
    parts = [f"{len(x)} {word} ({_some(x)})" for x, word in ((missing, "missing"), (new, "new")) if x]
    return VotesError(
        f"different labelers: {', '.join(parts) or 'another layout'}", where=where, available=expected
    )


def gold_array(gold: Any, n: int, n_classes: int) -> Int64:
    """Return gold codes (n,) as int64, -1 where unknown, or say what is wrong with them."""
    array = np.asarray(gold)
    if array.shape != (n,):
        raise GoldError(
            f"gold has the shape {array.shape}; the votes have {n} rows", hint="one code per row, -1 unknown"
        )
    if n and not np.issubdtype(array.dtype, np.integer):
        raise GoldError(f"gold labels are integer codes, not {array.dtype}", hint="-1 where unknown, no NaN")
    bad = np.flatnonzero((array < -1) | (array >= n_classes))
    if len(bad):
        raise GoldError(
            f"gold code {array[bad[0]]} is out of range: -1 (unknown), 0 to {n_classes - 1}",
            where=f"row {bad[0]}",
        )
    return array.astype(np.int64)


def _order(raw: Int64) -> tuple[Int64, Int64, Int64]:
    """Return keys, the order that sorts them, and each one's place in it."""
    from weaklabel.kernels.patterns import mix

    keys = mix(raw)
    order = np.argsort(keys)  # of keys that are all different
    rank = np.empty_like(order)
    rank[order] = np.arange(len(order))
    return keys, order, rank


def event_table(labelers: tuple[str, ...], silence: Int8, codes: Int8) -> Int64:
    """Return the number of each event, (m, codes): column `code + 2`, up to the largest code; 0 for silence.

    Examples
    --------
    >>> event_table(("a",), np.array([-1], np.int8), np.array([0], np.int8)).shape
    (1, 3)
    """
    top = int(codes.max(initial=ABSTAIN))
    table = np.array(
        [[event_hash(name, code) for code in range(MISSING, top + 1)] for name in labelers], np.uint64
    ).reshape(len(labelers), top + 3)
    table[np.arange(len(labelers)), silence.astype(np.int64) + 2] = 0
    return table.view(np.int64)


def _aligned(part: VotePatterns, labelers: tuple[str, ...], number: int) -> VotePatterns:
    if part.labelers == labelers:
        return part
    if set(part.labelers) != set(labelers):
        raise different_labelers(labelers, part.labelers, f"shard {number}, compared with shard 0")
    from weaklabel.kernels.patterns import sort_events

    where = {name: j for j, name in enumerate(labelers)}
    to = np.array([where[name] for name in part.labelers], np.int32)
    who, codes = to[part.labeler_index], part.codes.copy()
    sort_events(part.indptr, who, codes)
    silence = np.empty_like(part.silence)
    silence[to] = part.silence
    return replace(part, labelers=labelers, silence=silence, labeler_index=who, codes=codes)


def collision(labelers: tuple[str, ...]) -> VotesError:
    """Return the error of two different rows with one key."""
    hint = "rename any labeler that votes: its events then get other numbers"
    return VotesError("two different rows of votes have the same key", available=labelers, hint=hint)


def _some(names: Sequence[str], limit: int = 5) -> str:
    more = f", … {len(names) - limit} more" if len(names) > limit else ""
    return ", ".join(names[:limit]) + more
