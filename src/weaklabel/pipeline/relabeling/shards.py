"""What workers do with a shard in a bulk relabeling: vote, label, or both in one pass; every file whole or not there."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from weaklabel import label_model
from weaklabel.errors import OutputError, WeakLabelError
from weaklabel.label_matrix import VotePatterns
from weaklabel.label_matrix.patterns import Events, event_patterns
from weaklabel.pipeline.relabeling.job import SEEN, inner_model
from weaklabel.pipeline.relabeling.labels import answers, label_rows
from weaklabel.pipeline.relabeling.parts import (
    GOLD_ROW,
    Done,
    Item,
    Result,
    Work,
    data_name,
    hash_file,
    note_file,
    read_note,
    unseen_file,
    votes_file,
    write_note,
)
from weaklabel.pipeline.relabeling.votes import Voter, done_of
from weaklabel.store.label_table import LabelFile, TableError, link_label_file, write_label_file
from weaklabel.store.shard_votes import ShardVotes, kept, read_shard_votes

_PROBE, _DISTINCT = 8192, 0.5
"""Rows looked at, and the share of them that differ from which grouping does not pay."""


@dataclass(frozen=True)
class VoteShards:
    """The first of two passes: `VoteShards(work)()` gives the function that leaves a shard's votes in the job's folder.

    Parameters
    ----------
    work
        What it shares with all others.
    """

    work: Work

    def __call__(self) -> Callable[[Item], Result]:
        """Load the rules and return the function for shards."""
        return _caught(Voter(self.work).leave)


@dataclass(frozen=True)
class LabelShards:
    """The second of two passes: `LabelShards(work)()` gives the function that writes a shard's labels from its votes."""

    work: Work

    def __call__(self) -> Callable[[Item], Result]:
        """Load the model and return the function for shards."""
        return _caught(_Labeler(self.work).label_votes)


@dataclass(frozen=True)
class FusedShards:
    """The only pass where the model is there: `FusedShards(work)()` gives the function that reads, votes and labels."""

    work: Work

    def __call__(self) -> Callable[[Item], Result]:
        """Load rules and model and return the function for shards."""
        return _caught(_Labeler(self.work).label_texts)


def _caught(work: Callable[[Item], Done]) -> Callable[[Item], Result]:
    """Return a function that gives an error as its result, so that other shards are done."""

    def caught(item: Item) -> Result:
        try:
            return work(item)
        except WeakLabelError as error:
            error.where = error.where or str(item)
            return error

    return caught


class _Labeler:
    """A model, and the rules where there is but one pass, loaded once in a worker."""

    def __init__(self, work: Work) -> None:
        self.work = work
        assert work.model is not None
        self.voter = Voter(work)
        self.model = label_model.load(inner_model(work.model))
        seen = work.model / SEEN
        self.seen = np.load(seen, mmap_mode="r", allow_pickle=False) if seen.exists() else None

    def label_votes(self, item: Item) -> Done:
        """Write the labels of a shard from the votes that the first pass left."""
        start = time.perf_counter()
        there = self._there(item, start)
        if there is not None:
            return there
        path = votes_file(self.work.folder, item.number)
        votes = read_shard_votes(path)
        if votes is None:
            raise OutputError(
                "the votes of a shard are not there any more",
                where=str(path),
                hint="give the same command again",
            )
        assert votes.patterns.inverse is not None
        said = self._answers(votes.patterns)
        frame = label_rows(votes.ids, votes.patterns.inverse, said)
        done = Done(rows=frame.height, seconds=0.0, faults=votes.notes["faults"])
        return self._written(item, frame, votes.patterns, votes.patterns.counts, done, start)

    def label_texts(self, item: Item) -> Done:
        """Read a shard, vote on it and write its labels."""
        start = time.perf_counter()
        there = self._there(item, start)
        if there is not None:
            return there
        found = self.voter.votes(item)
        rows, inverse = self._patterns(found.events)
        frame = label_rows(found.ids, inverse, self._answers(rows))
        return self._written(item, frame, rows, rows.counts, done_of(found, start), start)

    def _patterns(self, events: Events) -> tuple[VotePatterns, npt.NDArray[Any] | None]:
        """Return the votes grouped where that makes them fewer, else each row as it is; the answers are the same."""
        rows = self.voter.rows(events)
        some = rows.keys[:_PROBE]
        if len(np.unique(some)) > _DISTINCT * len(some):
            return rows, None
        grouped = self.voter.patterns(events)
        return grouped, grouped.inverse

    def _answers(self, patterns: VotePatterns) -> pl.DataFrame:
        threshold = self.work.config.task.threshold
        return answers(
            patterns, self.model, schema=self.work.schema, threshold=threshold, version=self.work.version
        )

    def _there(self, item: Item, start: float) -> Done | None:
        """Return what is there of a shard already: whole in this job, or under another name; None: nothing."""
        work = self.work
        note = read_note(note_file(work.folder, item.number), work)
        if note is not None:
            return replace(note, resumed=True, seconds=time.perf_counter() - start)
        for old in item.old:
            before = read_note(Path(old), work, moved=True)
            if before is None or before.file is None:
                continue
            try:
                file = link_label_file(
                    work.root, before.file.path, data_name(work.job, item.number), storage=work.storage
                )
            except TableError:
                continue
            if file.digest != before.file.digest:
                continue
            self._hashes_of(item)
            done = replace(before, file=file, linked=True)
            if before.gold_set != work.gold_set:
                done = replace(done, gold=self._gold_in(file), gold_set=work.gold_set)
            write_note(note_file(work.folder, item.number), item, done)
            return replace(done, seconds=time.perf_counter() - start)
        return None

    def _gold_in(self, file: LabelFile) -> tuple[tuple[Any, ...], ...]:
        """Return the rows of gold ids in a data file."""
        options = dict(self.work.storage) or None
        rows = pl.scan_parquet(f"{self.work.root}/{file.path}", storage_options=options, glob=False)
        found = rows.filter(pl.col("id").is_in(self.voter.gold.implode())).select(GOLD_ROW).collect()
        return tuple(found.rows())

    def _hashes_of(self, item: Item) -> None:
        if self.work.hashes is not None and not hash_file(self.work.hashes, item.digest).exists():
            self.voter.check_ids(item, self.work.corpus.read(item.shard, columns=["id"])["id"])

    def _written(
        self,
        item: Item,
        frame: pl.DataFrame,
        patterns: VotePatterns,
        counts: npt.NDArray[np.int64],
        done: Done,
        start: float,
    ) -> Done:
        work = self.work
        mine = frame.filter(pl.col("id").is_in(self.voter.gold.implode()))
        gold = tuple(mine.select(GOLD_ROW).rows())
        unseen = self._unseen(item, patterns, counts)
        file = write_label_file(work.root, data_name(work.job, item.number), frame, storage=work.storage)
        done = replace(done, file=file, unseen=unseen, gold=gold, gold_set=work.gold_set)
        write_note(note_file(work.folder, item.number), item, done)
        return replace(done, seconds=time.perf_counter() - start)

    def _unseen(self, item: Item, patterns: VotePatterns, counts: npt.NDArray[np.int64]) -> float:
        """Return the share of rows whose votes the fit has not seen, and leave their patterns for the side table."""
        if self.seen is None:
            known = np.zeros(len(patterns), bool)
        elif len(self.seen):
            place = np.minimum(np.searchsorted(self.seen, patterns.keys), len(self.seen) - 1)
            known = np.asarray(self.seen[place]) == patterns.keys
        else:
            known = np.zeros(len(patterns), bool)
        if known.all():
            return 0.0
        left = np.where(known, 0, counts)
        new = _grouped(patterns, left)
        none = np.empty(0, np.int64)
        ids = pl.Series("id", [], dtype=pl.String)
        ShardVotes(ids, replace(new, inverse=none), none.astype(np.int8)).write(
            unseen_file(self.work.folder, item.number)
        )
        return float(left.sum() / counts.sum())


def _grouped(patterns: VotePatterns, counts: npt.NDArray[np.int64]) -> VotePatterns:
    """Return the distinct patterns among those with a count."""
    some = kept(patterns, counts)
    events = Events(some.indptr, some.labeler_index, some.codes)
    return event_patterns(events, some.labelers, some.silence, some.counts, None)
