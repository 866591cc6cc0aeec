"""Rows of votes as lists of cells, in any order: what the default model reads.

A `VotePatterns` sorts distinct rows by their keys. Where nearly every row is different that costs more than a fit; the
rows are then read as they lie. All that is learned from them is sums of integers and samples chosen by key, so that
both ways lead to the same bits.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from weaklabel.label_matrix import Alphabet, LabelMatrix, VotePatterns, matrix
from weaklabel.label_matrix.patterns import (
    PROBE,
    Int8,
    Int64,
    collision,
    event_table,
    guess_silence,
    nameless,
    vote_array,
)
from weaklabel.label_model.alignment import by_place
from weaklabel.schema import ABSTAIN, MISSING

Places = npt.NDArray[Any]

BLOCK = 1 << 19
"""Votes that are read at a time, so that they are still at hand when they are read again."""


@dataclass(frozen=True, eq=False)
class Cells:
    """Rows of votes: the cell `labeler * width + code + 2` of each event, and the rows that each row stands for.

    Parameters
    ----------
    labelers, silence
        As in `VotePatterns`.
    width
        Cells of a labeler: number of codes, and two.
    indptr, cells
        (n + 1,) int64 and (events,) uint16 or int32: cells of row i are `cells[indptr[i]:indptr[i + 1]]`, ascending.
    counts
        (n,) int64; 0 for a row without votes, and for one that another one stands for.
    keys
        (n,) int64, the keys of `VotePatterns`.

    Examples
    --------
    >>> from weaklabel.label_matrix import as_patterns
    >>> rows = Cells.of(as_patterns([[0, 1], [-1, -1]]), 2)
    >>> rows.cells.tolist(), sorted(rows.counts.tolist())
    ([2, 7], [0, 1])
    """

    labelers: tuple[str, ...]
    silence: Int8
    width: int
    indptr: Int64
    cells: Places
    counts: Int64
    keys: Int64

    def __len__(self) -> int:
        return len(self.counts)

    @classmethod
    def of(cls, votes: VotePatterns | Cells, n_codes: int) -> Cells:
        """Return patterns as cells; cells as they are."""
        if isinstance(votes, Cells):
            return votes
        from weaklabel.kernels.cells import cell_type, write_cells

        width = n_codes + 2
        cells = np.empty(len(votes.codes), cell_type(len(votes.labelers) * width))
        write_cells(votes.labeler_index, votes.codes, width, cells)
        counts = np.where(votes.n_votes > 0, votes.counts, 0)
        parts = votes.indptr, cells, counts, votes.keys
        return cls(votes.labelers, votes.silence, width, *parts)

    @property
    def size(self) -> int:
        """Number of cells that there could be."""
        return len(self.labelers) * self.width

    @cached_property
    def n_distinct(self) -> int:
        """Number of rows that stand for any."""
        return int(np.count_nonzero(self.counts))

    @property
    def n_bytes(self) -> int:
        """Bytes of the arrays."""
        return self.indptr.nbytes + self.cells.nbytes + self.counts.nbytes + self.keys.nbytes

    @cached_property
    def sums(self) -> tuple[Int64, Int64, Int64, npt.NDArray[np.float64]]:
        """For each cell, over its rows: rows, votes in them, keys, shares (see `kernels.sums.cell_sums`)."""
        from weaklabel.kernels.sums import cell_sums

        return cell_sums(self.indptr, self.cells, self.counts, self.keys, self.width, self.size)

    def take(self, rows: Int64) -> Cells:
        """Return some of the rows."""
        from weaklabel.kernels.cells import take_cells

        indptr, cells = take_cells(self.indptr, self.cells, rows)
        return replace(self, indptr=indptr, cells=cells, counts=self.counts[rows], keys=self.keys[rows])


@dataclass(frozen=True, eq=False)
class Rows:
    """A matrix of codes that is read as it lies.

    Parameters
    ----------
    votes, silence
        (n, m), and what each column's silence means.
    odd
        Whether there may be events that are no votes for a class.
    labelers
        (m,) their ids; "0", "1", … when not given.
    n_votes
        (n,) votes for a class in each row, once they are counted.

    Examples
    --------
    >>> Rows(np.array([[0, -1], [-1, -1]], np.int8), np.array([-1, -1], np.int8)).counts.tolist()
    [1, 1]
    """

    votes: Int8
    silence: Int8
    odd: bool = True
    labelers: tuple[str, ...] = ()
    n_votes: Int64 = field(default_factory=lambda: np.empty(0, np.int64))

    def __post_init__(self) -> None:
        object.__setattr__(self, "labelers", self.labelers or nameless(self.votes.shape[1]))

    @property
    def counts(self) -> Int64:
        """One for each row."""
        return np.ones(len(self.votes), np.int64)


def votes_in(indptr: Int64, cells: Places, width: int) -> Int64:
    """Return the votes for a class in each row of cells.

    Examples
    --------
    >>> votes_in(np.array([0, 2, 2]), np.array([2, 4], np.int32), 4).tolist()
    [1, 0]
    """
    before = np.concatenate([[0], np.cumsum(cells % width >= 2)])
    votes: Int64 = before[indptr[1:]] - before[indptr[:-1]]
    return votes


def plain_rows(votes: Any, alphabet: Alphabet, labelers: tuple[str, ...] | None = None) -> Rows | None:
    """Return a long matrix of votes as it is, an array or a `LabelMatrix` in columns, else None.

    `labelers` stand where those of the votes do, if their ids count.

    Examples
    --------
    >>> plain_rows(np.zeros((5, 2), np.int8), Alphabet(2)) is None
    True
    """
    codes = votes.ungrouped() if isinstance(votes, LabelMatrix) else votes
    if not isinstance(codes, np.ndarray) or codes.ndim != 2 or codes.dtype.kind not in "iu" or not codes.size:
        return None
    if len(codes) <= 2 * PROBE and not matrix.mostly_distinct(codes):
        return None
    codes = np.ascontiguousarray(codes if codes.dtype == np.int8 else vote_array(codes))
    low, high = _span(codes)
    if low < MISSING or (high >= alphabet.n_classes and not alphabet.own):
        return None
    if high >= alphabet.n_classes:
        own = votes.labelers if isinstance(votes, LabelMatrix) else nameless(codes.shape[1])
        codes = alphabet.codes(codes, labelers if labelers and by_place(own, labelers) else own)
        low, _ = _span(codes)
    if isinstance(votes, LabelMatrix):
        odd = low == MISSING or bool((votes.silence == MISSING).any())
        return Rows(codes, votes.silence, odd, votes.labelers)
    silence = guess_silence(codes) if low == MISSING else np.full(codes.shape[1], ABSTAIN, np.int8)
    return Rows(codes, silence, low == MISSING)


def _span(votes: Int8) -> tuple[int, int]:
    """Return the least and the largest code."""
    parts = np.array_split(votes.reshape(-1), votes.size // BLOCK + 1)
    return int(min(part.min() for part in parts)), int(max(part.max() for part in parts))


def blocks(rows: Rows, width: int) -> Iterator[tuple[int, Int64, Places]]:
    """Read rows block by block: the first row, `indptr`, and the cells; both are overwritten by the next block.

    Examples
    --------
    >>> (block,) = blocks(Rows(np.array([[0, -1], [-1, 1]], np.int8), np.array([-1, -1], np.int8)), 4)
    >>> block
    (0, array([0, 1, 2]), array([2, 7], dtype=uint16))
    """
    from weaklabel.kernels.cells import cell_type, row_cells

    n, m = rows.votes.shape
    step = max(1, BLOCK // m)
    first = (np.arange(m) * width + 2).astype(np.int32)
    cells = np.empty(min(n, step) * m + 1, cell_type(m * width))
    indptr = np.zeros(min(n, step) + 1, np.int64)
    for start in range(0, n, step):
        some = rows.votes[start : start + step]
        size = row_cells(some, rows.silence, first, cells, 0, indptr[1:])
        yield start, indptr[: len(some) + 1], cells[:size]


def distinct_rows(rows: Rows, n_codes: int) -> Cells:
    """Return the distinct rows of a matrix and their counts; where nearly all differ, as they lie.

    Of equal rows that are left where they are, the first one stands for all.

    Examples
    --------
    >>> votes = np.array([[0, 1], [-1, -1], [0, 1]], np.int8)
    >>> distinct_rows(Rows(votes, np.array([-1, -1], np.int8)), 2).counts.tolist()
    [2, 0]
    """
    return (_as_they_lie if matrix.mostly_distinct(rows.votes) else _grouped)(rows, n_codes + 2)


def _numbers(rows: Rows, width: int) -> tuple[Int64, npt.NDArray[np.bool_]]:
    """Return the number of each cell, and which cells are votes (none: all of them)."""
    cells = len(rows.labelers) * width
    numbers = event_table(rows.labelers, rows.silence, np.array([width - 3], np.int8)).reshape(-1)
    return numbers, np.arange(cells) % width >= 2 if rows.odd else np.empty(0, np.bool_)


def _as_they_lie(rows: Rows, width: int) -> Cells:
    from weaklabel.kernels.cells import cell_type, row_cells, row_keys

    n, m = rows.votes.shape
    step = max(1, BLOCK // m)
    numbers, voted = _numbers(rows, width)
    first = (np.arange(m) * width + 2).astype(np.int32)
    indptr, keys, counts = np.zeros(n + 1, np.int64), np.empty(n, np.int64), np.empty(n, np.int64)
    cells: Places = np.empty(0, cell_type(m * width))
    size = 0
    for start in range(0, n, step):
        end = min(n, start + step)
        if len(cells) < size + (end - start) * m + 1:
            cells = _more_room(
                cells, size, (end - start) * m + 1 + int(1.05 * size * (n - end) / max(1, start))
            )
        some = indptr[start + 1 : end + 1]
        size = row_cells(rows.votes[start:end], rows.silence, first, cells, size, some)
        row_keys(indptr[start : end + 1], cells, numbers, voted, keys[start:end], counts[start:end])
    made = Cells(rows.labelers, rows.silence, width, indptr, cells[:size], counts, keys)
    _join_equal(made)
    return made


def _grouped(rows: Rows, width: int) -> Cells:
    from weaklabel.kernels.cells import row_keys

    numbers, voted = _numbers(rows, width)
    parts = []
    for _, indptr, cells in blocks(rows, width):
        keys, counts = np.empty(len(indptr) - 1, np.int64), np.empty(len(indptr) - 1, np.int64)
        row_keys(indptr, cells, numbers, voted, keys, counts)
        parts.append(_once(Cells(rows.labelers, rows.silence, width, indptr, cells, counts, keys)))
    ends = np.cumsum([0, *(len(part.cells) for part in parts)])
    indptr = np.concatenate([[0], *(part.indptr[1:] + end for part, end in zip(parts, ends, strict=False))])
    cells, counts, keys = (
        np.concatenate([getattr(p, name) for p in parts]) for name in ("cells", "counts", "keys")
    )
    return _once(Cells(rows.labelers, rows.silence, width, indptr, cells, counts, keys))


def _once(rows: Cells) -> Cells:
    """Return distinct rows with the sums of their counts, or say that two rows with one key differ."""
    from weaklabel.kernels.cells import same_rows
    from weaklabel.kernels.patterns import group, sum_by_group

    first, groups = group(rows.keys)
    if not same_rows(rows.indptr, rows.cells, np.arange(len(rows)), first[groups]):
        raise collision(rows.labelers)
    return replace(rows.take(first), counts=sum_by_group(rows.counts, groups, len(first)))


def _more_room(cells: Places, size: int, more: int) -> Places:
    wider = np.empty(size + more, cells.dtype)
    wider[:size] = cells[:size]
    return wider


def _join_equal(rows: Cells) -> None:
    """Let the first of equal rows stand for all, in place, or say that two rows with one key differ."""
    from weaklabel.kernels.cells import maybe_repeated, same_rows

    some = np.flatnonzero(maybe_repeated(rows.keys))
    _, first, group, often = np.unique(
        rows.keys[some], return_index=True, return_inverse=True, return_counts=True
    )
    leader = some[first][group]
    if not same_rows(rows.indptr, rows.cells, some, leader):
        raise collision(rows.labelers)
    rows.counts[some] *= np.where(some == leader, often[group], 0)
