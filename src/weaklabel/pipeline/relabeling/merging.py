"""Votes of all shards merged within a memory budget, while they come."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl

from weaklabel.errors import OutputError
from weaklabel.label_matrix import VotePatterns
from weaklabel.store.shard_votes import ShardVotes, kept, read_shard_votes

MERGING = 3
"""Merging holds about so many times the bytes of what is merged."""
_LEVEL = 40


@dataclass(frozen=True, eq=False)
class Merged:
    """The distinct rows of votes of a corpus, or of a sample of its rows.

    Parameters
    ----------
    patterns
        Without `inverse`.
    level
        0: all rows. L: a share 2**-L of them, by a hash of their ids, and all gold rows.
    rows
        Rows of the corpus.
    gold
        Id -> key of the pattern of that gold row.
    """

    patterns: VotePatterns
    level: int
    rows: int
    gold: dict[str, int]

    @property
    def share(self) -> float:
        """The share of rows that were counted."""
        return 2.0**-self.level

    def of_gold(self) -> tuple[pl.Series, npt.NDArray[np.int64]]:
        """Return ids of gold rows and the position of each one's pattern."""
        ids = sorted(self.gold)
        keys = np.array([self.gold[id] for id in ids], np.int64)
        return pl.Series("id", ids, dtype=pl.String), np.searchsorted(self.patterns.keys, keys)


def merge(paths: Sequence[Path], *, budget: int, need: Callable[[VotePatterns], int]) -> Merged:
    """Merge the votes that the first pass left, shard by shard; what would not fit into memory becomes a sample.

    Parameters
    ----------
    paths
        Files of `ShardVotes`, in the order of the shards.
    budget
        Bytes.
    need
        What a fit of some patterns takes, in bytes.

    Raises
    ------
    OutputError
        A file is gone.
    """
    return Merging(paths, budget=budget, need=need).result()


class Merging:
    """The merging of the votes of all shards while the first pass goes on.

    Parameters
    ----------
    paths, budget, need
        As for `merge`.
    level
        Of the sample that it begins with.

    Examples
    --------
    >>> import tempfile
    >>> from weaklabel.label_matrix.patterns import dense_patterns
    >>> paths = [Path(tempfile.mkdtemp()) / "0.votes" for _ in range(2)]
    >>> ids, levels = pl.Series("id", ["a", "b"]), np.zeros(2, np.int8)
    >>> for path in paths:
    ...     _ = ShardVotes(ids, dense_patterns([[0, -1], [1, 0]]), levels, {"gold": []}).write(path)
    >>> votes = Merging(paths, budget=1 << 20, need=lambda patterns: 0)
    >>> votes.take(1)  # waits for the first
    >>> votes.take(0)
    >>> votes.result().patterns.counts.tolist()
    [2, 2]
    """

    def __init__(
        self, paths: Sequence[Path], *, budget: int, need: Callable[[VotePatterns], int], level: int = 0
    ) -> None:
        self.paths, self.budget, self.need = paths, budget, need
        self._ready: set[int] = set()
        self._begin(level)

    def take(self, number: int) -> None:
        """Note that the votes of a shard are there; merge it, and what waited for it: they go in their order."""
        self._ready.add(number)
        while self._next in self._ready:
            self._add()

    def result(self) -> Merged:
        """Merge what is left and return all of it."""
        while self._next < len(self.paths):
            self._add()
        whole = VotePatterns.merge(self._stack) if len(self._stack) > 1 else self._stack[0]
        return Merged(whole, self._level, self._rows, self._gold)

    def _begin(self, level: int) -> None:
        self._level, self._next, self._rows = level, 0, 0
        self._stack: list[VotePatterns] = []
        self._gold: dict[str, int] = {}

    def _add(self) -> None:
        """Merge the next shard; where all of them don't fit, begin anew with a smaller sample."""
        path = self.paths[self._next]
        shard = read_shard_votes(path, ids=False)
        if shard is None or shard.patterns.inverse is None:
            what = "the votes of a shard are not there any more"
            raise OutputError(what, where=str(path), hint="give the same command again")
        mine, stack = shard.notes["gold"], self._stack
        self._gold |= {id: int(shard.patterns.keys[shard.patterns.inverse[row]]) for id, row in mine}
        self._rows += len(shard.levels)
        stack.append(_sampled(shard, self._level, [row for _, row in mine]))
        while len(stack) > 1 and len(stack[-2]) <= 2 * len(stack[-1]):
            stack[-2:] = [VotePatterns.merge(stack[-2:])]
        self._next += 1
        if self._level < _LEVEL and _over(stack, self.budget, self.need):
            stack[:] = [VotePatterns.merge(stack)]
            if _over(stack, self.budget, self.need):
                self._begin(self._level + 1)


def _sampled(shard: ShardVotes, level: int, gold: list[int]) -> VotePatterns:
    """Return the patterns of a sample of rows, in which all gold rows are."""
    if level <= 0:
        return shard.patterns.without_rows()
    assert shard.patterns.inverse is not None
    inside = shard.levels >= level
    inside[gold] = True
    counts = np.bincount(shard.patterns.inverse[inside], minlength=len(shard.patterns))
    return kept(shard.patterns, counts.astype(np.int64))


def _over(stack: Sequence[VotePatterns], budget: int, need: Callable[[VotePatterns], int]) -> bool:
    own = sum(_bytes(part) for part in stack)
    return max(MERGING * own, sum(need(part) for part in stack)) > budget


def _bytes(patterns: VotePatterns) -> int:
    names = ("indptr", "labeler_index", "codes", "counts", "keys")
    return sum(getattr(patterns, name).nbytes for name in names)
