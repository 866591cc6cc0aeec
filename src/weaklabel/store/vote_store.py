"""VoteStore: votes of rules on shards, kept under what decides them, so that no rule votes twice for the same answer.

A file holds the columns that were computed on one occasion for one shard:
``<2 hex>/<shard digest>/<digest of its keys>.votes``. One changed rule of a hundred adds a small file, and the old one
goes on serving the other 99. It is a cache: any of it may be deleted at any time, by hand too.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt

from weaklabel.errors import VotesError
from weaklabel.fingerprint import fingerprint
from weaklabel.store.vote_file import Written, pack, written
from weaklabel.store.vote_folder import (
    SUFFIX,
    Evicted,
    Stored,
    distrusted,
    files_in,
    folders_in,
    heads,
    keys_of,
    remove_files,
    take,
    total,
    without,
    write_file,
)

__all__ = ["Evicted", "Held", "HeldRule", "Shown", "VoteStore", "Written", "written"]

Int8 = npt.NDArray[np.int8]

_STALE_SECONDS = 3600


@dataclass(frozen=True)
class Held:
    """What the store has of a shard.

    Parameters
    ----------
    columns
        Vote key -> column of votes as it is written, of the keys that were asked for and are there.
    faults
        Of these, how often the rule failed, where it did.
    broken
        A sentence for each file that could not be trusted and was removed.

    Examples
    --------
    >>> held = Held({"k1": written(np.array([-1, 0], np.int8))})
    >>> held.votes["k1"].tolist(), held.faults.get("k1", 0), held.broken
    ([-1, 0], 0, ())
    """

    columns: dict[str, Written]
    faults: dict[str, int] = field(default_factory=dict)
    broken: tuple[str, ...] = ()

    @cached_property
    def votes(self) -> dict[str, Int8]:
        """Vote key -> column of votes, spread out: one code for each row."""
        return {key: column.votes() for key, column in self.columns.items()}


@dataclass(frozen=True)
class HeldRule:
    """What the store has of one vote key.

    Parameters
    ----------
    key
        The vote key.
    shards, rows, bytes
        On how much of how many corpora the rule's votes are there.
    last_used
        Seconds since 1970, to the hour.

    Examples
    --------
    >>> HeldRule("k1", shards=2, rows=131_072, bytes=4800, last_used=1.7e9).rows
    131072
    """

    key: str
    shards: int
    rows: int
    bytes: int
    last_used: float


@dataclass(frozen=True)
class Shown:
    """What a store holds: all of it, and by vote key, in the order of the keys.

    Examples
    --------
    >>> Shown(shards=0, files=0, bytes=0, rules=()).rules
    ()
    """

    shards: int
    files: int
    bytes: int
    rules: tuple[HeldRule, ...]


class VoteStore:
    """Votes on disk, by shard and vote key (see `weaklabel.store.vote_keys`).

    Any number of processes may read, write and evict at once: a file is there whole or not at all, and carries a digest
    of its content, so that a damaged one is noticed, removed and reported, and its columns are computed again.

    Parameters
    ----------
    folder
        Where the files are, such as ``<project>/.weaklabel/votes``; made when something is put.

    Examples
    --------
    >>> import tempfile
    >>> store = VoteStore(Path(tempfile.mkdtemp()) / "votes")
    >>> store.put("d1", {"k1": np.array([-1, 0, -1], np.int8), "k2": np.array([1, -1, -2], np.int8)}, faults={"k2": 1})
    >>> held = store.get("d1", ["k1", "k2", "k3"])
    >>> {key: votes.tolist() for key, votes in held.votes.items()}, held.faults
    ({'k1': [-1, 0, -1], 'k2': [1, -1, -2]}, {'k2': 1})
    >>> sorted(store.held("d1")), store.held("d2")
    (['k1', 'k2'], frozenset())
    >>> store.evict(0).columns, store.size()
    (2, 0)
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)

    def get(self, shard: str, keys: Sequence[str]) -> Held:
        """Return the columns of some keys, as far as they are there.

        Parameters
        ----------
        shard
            Digest of the shard (`Corpus.digest`).
        keys
            Vote keys.
        """
        left = dict.fromkeys(keys)
        columns: dict[str, Written] = {}
        faults: dict[str, int] = {}
        broken = []
        for file in files_in(self._place(shard)):
            if not left:
                break
            try:
                found, failed = take(file, shard, left)
            except VotesError as error:
                broken.append(distrusted(file.path, error.what))
                continue
            columns.update(found)
            faults.update(failed)
            for key in found:
                del left[key]
        return Held({key: columns[key] for key in keys if key in columns}, faults, tuple(broken))

    def put(
        self, shard: str, votes: Mapping[str, Int8 | Written], *, faults: Mapping[str, int] | None = None
    ) -> None:
        """Keep columns of votes of one shard, all of one length.

        Parameters
        ----------
        shard
            Digest of the shard.
        votes
            Vote key -> (n,) codes, or the same as it is written.
        faults
            How often rules failed, by key; left out: never.

        Raises
        ------
        VotesError
            Columns of several lengths.
        OutputError
            The disk is full, or the folder can't be written; nothing half-written is left.
        """
        if not votes:
            return
        lengths = {key: c.rows if isinstance(c, Written) else len(c) for key, c in votes.items()}
        if len(set(lengths.values())) > 1:
            raise VotesError(f"columns of several lengths for one shard: {lengths}", where=f"shard {shard}")
        content = pack(shard, votes, {key: n for key, n in (faults or {}).items() if n})
        write_file(self._place(shard) / f"{fingerprint(sorted(votes))}{SUFFIX}", content)

    def held(self, shard: str) -> frozenset[str]:
        """Return the keys of the columns that are there, without reading votes: a damaged file may be among them."""
        return frozenset(key for file in files_in(self._place(shard)) for key in keys_of(file.path))

    def size(self) -> int:
        """Return the bytes that all files take."""
        return sum(file.size for file in self._files())

    def show(self) -> Shown:
        """Return what is there, by vote key.

        Examples
        --------
        >>> import tempfile
        >>> store = VoteStore(tempfile.mkdtemp())
        >>> store.put("d1", {"k1": np.array([-1, 0], np.int8)})
        >>> shown = store.show()
        >>> shown.shards, [(rule.key, rule.shards, rule.rows) for rule in shown.rules]
        (1, [('k1', 1, 2)])
        """
        files = list(self._files())
        rules: dict[str, list[tuple[str, int, int, float]]] = {}
        for file in files:
            for head in heads(file.path):
                for column in head.columns:
                    rules.setdefault(column.key, []).append((head.shard, head.rows, column.size, file.mtime))
        return Shown(
            shards=len({file.path.parent for file in files}),
            files=len(files),
            bytes=sum(file.size for file in files),
            rules=tuple(_held_rule(key, rules[key]) for key in sorted(rules)),
        )

    def evict(self, limit: int) -> Evicted:
        """Remove the least recently used files until no more than `limit` bytes are left."""
        files = sorted(self._files(), key=lambda file: (file.mtime, file.path))
        over = sum(file.size for file in files) - limit
        chosen = []
        for file in files:
            if over <= 0:
                break
            chosen.append(file)
            over -= file.size
        self._remove_leftovers()
        return remove_files(chosen)

    def prune(
        self,
        *,
        to: int | None = None,
        unused_for: float | None = None,
        keys: Collection[str] = (),
        everything: bool = False,
    ) -> Evicted:
        """Remove votes and say what was freed; what is asked for is done together.

        Parameters
        ----------
        to
            Bytes that may stay; the least recently used go first.
        unused_for
            Remove what was not used for so many seconds.
        keys
            Remove the columns of these vote keys; what else is in their files stays.
        everything
            Remove all.

        Examples
        --------
        >>> import tempfile
        >>> store = VoteStore(tempfile.mkdtemp())
        >>> store.put("d1", {"k1": np.array([-1, 0], np.int8), "k2": np.array([1, 1], np.int8)})
        >>> store.prune(keys=["k2"]).columns, store.held("d1")
        (1, frozenset({'k1'}))
        """
        done = [self.evict(0)] if everything else []
        if unused_for is not None:
            since = time.time() - unused_for
            done.append(remove_files([file for file in self._files() if file.mtime < since]))
        if keys:
            done += [without(file, frozenset(keys)) for file in list(self._files())]
        if to is not None:
            done.append(self.evict(to))
        return total(done)

    def _place(self, shard: str) -> Path:
        return self.folder / shard[:2] / shard

    def _files(self) -> Iterator[Stored]:
        for place in self._places():
            yield from files_in(place)

    def _places(self) -> Iterator[Path]:
        for outer in folders_in(self.folder):
            yield from folders_in(outer)

    def _remove_leftovers(self) -> None:
        """Remove what writers that were killed left behind."""
        before = time.time() - _STALE_SECONDS
        for place in self._places():
            with contextlib.suppress(OSError):
                for path in place.glob(".*.tmp"):
                    if path.stat().st_mtime < before:
                        path.unlink()


def _held_rule(key: str, places: Sequence[tuple[str, int, int, float]]) -> HeldRule:
    rows = {shard: rows for shard, rows, _, _ in places}
    sizes, times = [size for _, _, size, _ in places], [time for _, _, _, time in places]
    return HeldRule(key, len(rows), sum(rows.values()), sum(sizes), max(times))
