"""Votes of one shard in a bulk relabeling: from the vote store where they are there, else by the rules."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import polars as pl

from weaklabel.apply import LFApplier
from weaklabel.config_errors import as_settings
from weaklabel.label_matrix import VotePatterns
from weaklabel.label_matrix.patterns import Events, event_patterns, event_table
from weaklabel.lf import LFRegistry
from weaklabel.pipeline.relabeling.parts import Done, Item, Work, hash_file, votes_file
from weaklabel.pipeline.task import make_applier, open_registry
from weaklabel.schema import ABSTAIN
from weaklabel.store.id_hashes import check_filled, sample_levels, write_hashes
from weaklabel.store.shard_votes import ShardVotes, read_shard_votes
from weaklabel.store.vote_store import VoteStore, Written, written


@dataclass(frozen=True, eq=False)
class Voted:
    """Votes of a shard: a column for each rule, in the order of the rules, and where they came from."""

    ids: pl.Series
    columns: tuple[Written, ...]
    reused: int
    voted: int
    faults: Mapping[str, int]
    broken: tuple[str, ...]

    @cached_property
    def events(self) -> Events:
        """The same row by row."""
        return events_of(self.columns, len(self.ids))


class Voter:
    """Rules and the vote store, loaded once in a worker.

    Parameters
    ----------
    work
        What all tasks share.
    keep
        New votes go into the vote store.
    """

    def __init__(self, work: Work, *, keep: bool = True) -> None:
        self.work = work
        self.keep = keep
        self.store = VoteStore(work.votes)
        self.appliers: dict[frozenset[str], LFApplier] = {}
        self.silence = np.full(len(work.keys), ABSTAIN, np.int8)
        self.labelers = tuple(work.keys)
        self.gold = pl.Series("id", sorted(work.gold), dtype=pl.String)

    @cached_property
    def registry(self) -> LFRegistry:
        """The counted rules; not loaded where all votes are there."""
        return open_registry(self.work.config, self.work.project).active().subset(self.work.keys)

    def leave(self, item: Item) -> Done:
        """Vote on a shard and leave the votes in the job's folder, once."""
        start = time.perf_counter()
        path = votes_file(self.work.folder, item.number)
        if path.exists() and read_shard_votes(path, ids=False) is not None:
            return Done(rows=item.shard.rows, seconds=time.perf_counter() - start, resumed=True)
        found = self.votes(item)
        patterns = self.patterns(found.events)
        gold = found.ids.is_in(self.gold.implode()).arg_true()
        notes = {
            "digest": item.digest,
            "faults": dict(sorted(found.faults.items())),
            "gold": [[found.ids[row], row] for row in gold.to_list()],
        }
        ShardVotes(found.ids, patterns, sample_levels(found.ids), notes).write(path)
        return done_of(found, start)

    def votes(self, item: Item, *, rows: int | None = None) -> Voted:
        """Return the votes of a shard, from the store where they are there; keep those that were not.

        With `rows` only so many of its first rows are voted on.
        """
        work, keys = self.work, self.work.keys
        held = self.store.get(item.digest, list(keys.values()))
        columns = {id: held.columns[key] for id, key in keys.items() if key in held.columns}
        missing = [id for id in keys if id not in columns]
        frame = work.corpus.read(item.shard, columns=self._columns(missing)).head(rows or item.shard.rows)
        ids = frame["id"]
        self.check_ids(item, ids)
        faults = {id: held.faults[key] for id, key in keys.items() if held.faults.get(key)}
        if missing:
            with as_settings("task", ["on_error"]):
                votes, failed = self._applier(missing).columns(frame)
            new = {id: written(own) for id, own in votes.items()}
            columns |= new
            faults |= failed
            if self.keep:
                by_key = {keys[id]: column for id, column in new.items()}
                self.store.put(item.digest, by_key, faults={keys[id]: n for id, n in failed.items()})
        own = tuple(columns[id].head(len(ids)) for id in keys)
        return Voted(ids, own, len(keys) - len(missing), len(missing), faults, held.broken)

    def patterns(self, events: Events) -> VotePatterns:
        """Return distinct rows of votes, with `inverse`."""
        n = len(events.indptr) - 1
        return event_patterns(events, self.labelers, self.silence, np.ones(n, np.int64), np.arange(n))

    def rows(self, events: Events) -> VotePatterns:
        """Return every row as a pattern of its own, under its key."""
        from weaklabel.kernels.patterns import event_keys, mix

        parts = (events.indptr, events.labelers, events.codes)
        keys = mix(event_keys(*parts, event_table(self.labelers, self.silence, events.codes)))
        ones = np.ones(len(keys), np.int64)
        return VotePatterns(self.labelers, self.silence, *parts, ones, keys)

    def _columns(self, missing: Sequence[str]) -> list[str]:
        """Return the columns to read; all of them where a rule wants one that isn't there, so that the error tells."""
        available = list(self.work.corpus.columns)
        if not missing:
            return ["id"]
        rules = [self.registry[id] for id in missing]
        read = {name for rule in rules for name in rule.reads}
        if self.work.config.task.date and any(rule.dated for rule in rules):
            read.add(self.work.config.task.date)
        if any(rule.reads_all for rule in rules) or not read <= set(available):
            return available
        return [name for name in available if name == "id" or name in read]

    def _applier(self, missing: Sequence[str]) -> LFApplier:
        which = frozenset(missing)
        if which not in self.appliers:
            self.appliers[which] = make_applier(
                self.work.config, self.registry.subset(missing), self.work.project
            )
        return self.appliers[which]

    def check_ids(self, item: Item, ids: pl.Series) -> None:
        """Raise when an id is null or empty, and leave the hashes by which doubled ones are found."""
        work = self.work
        if work.hashes is None or not self.keep:
            return
        path = hash_file(work.hashes, item.digest)
        if path.exists():
            return
        check_filled(
            ids, lambda row: work.corpus.locate(item.shard, row), column=work.corpus.id_column or "id"
        )
        write_hashes(path, ids)


def events_of(columns: Sequence[Written], rows: int) -> Events:
    """Return all votes of some columns, row by row.

    Examples
    --------
    >>> events = events_of([written(np.array([0, -1], np.int8)), written(np.array([1, 1], np.int8))], 2)
    >>> events.indptr.tolist(), events.labelers.tolist(), events.codes.tolist()
    ([0, 2, 3], [0, 1, 1], [0, 1, 1])
    """
    from weaklabel.kernels.sparse import column_events

    return Events(*column_events([column.spoken() for column in columns], rows))


def done_of(found: Voted, start: float) -> Done:
    """Return what is said of a shard whose votes were found."""
    return Done(
        rows=len(found.ids),
        seconds=time.perf_counter() - start,
        reused=found.reused,
        voted=found.voted,
        faults=found.faults,
        broken=found.broken,
    )
