"""What a bulk relabeling would do, and what that would take: nothing is written."""

from __future__ import annotations

import resource
import shutil
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from weaklabel import engines, label_model
from weaklabel.pipeline.labels import new_model
from weaklabel.pipeline.relabeling.job import Bulk, Decision, decide, inner_model, open_bulk
from weaklabel.pipeline.relabeling.labels import answers, label_rows
from weaklabel.pipeline.relabeling.merging import MERGING
from weaklabel.pipeline.relabeling.parts import Item, Work
from weaklabel.pipeline.relabeling.votes import Voter
from weaklabel.pipeline.relabeling.work import known_labels, shard_items, shared_work
from weaklabel.settings import Config
from weaklabel.store.label_files import encoded
from weaklabel.store.shard_votes import ShardVotes
from weaklabel.store.vote_file import pack
from weaklabel.store.vote_store import VoteStore

_TRIES = (100, 4096, None)
"""Rows that are tried: a few to load what there is to load, then more, then the whole shard where that is quick."""
_QUICK = 1.0


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What a bulk relabeling would do, and what that would take.

    Parameters
    ----------
    would
        `nothing`, `fit` or `model`, as in `Decision`.
    why, changed
        Why, and what differs from the version that stands.
    rows, shards, bytes
        Size of the corpus.
    columns, held
        Columns of votes in all, one for each rule and shard, and those that are in the vote store.
    rules
        For each rule the shards whose votes are there, and those whose are missing.
    linked
        Shards whose labels are taken over.
    slots
        Shards at a time.
    seconds, measured
        Estimated time, and what it was estimated from; None: there is nothing to do.
    memory, driver
        Bytes that a worker takes, and what merging and fitting may take.
    disk, working, free
        Bytes that would be written, those of them that are removed after the commit, and what is free.
    failures
        Files that can't be read.
    notes
        What a reader should know.
    """

    would: str
    why: str
    changed: Mapping[str, Any]
    rows: int
    shards: int
    bytes: int
    columns: int
    held: int
    rules: Sequence[Mapping[str, Any]]
    linked: int
    slots: int
    seconds: float | None = None
    measured: str = ""
    memory: int = 0
    driver: int = 0
    disk: int = 0
    working: int = 0
    free: int = 0
    failures: Sequence[str] = ()
    notes: Sequence[str] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for JSON."""
        return asdict(self)


@dataclass(frozen=True)
class _Sample:
    """What one shard took: seconds for each part of the work, and bytes of what would be written."""

    rows: int
    missing: int
    reading: float
    voting: float
    grouping: float
    fitting: float
    labeling: float
    votes: int
    patterns: int
    labels: int


def plan(config: Config, project: str | Path, *, refit: bool = False) -> Plan:
    """Say what `relabel` would do with the same arguments; the time is estimated from one shard that is tried.

    Examples
    --------
    >>> import tempfile
    >>> from weaklabel.config import load
    >>> from weaklabel.templates import write_project
    >>> project = write_project(Path(tempfile.mkdtemp()) / "desk")
    >>> found = plan(load(project), project)
    >>> found.would, found.rows, found.columns, found.held, (project / ".weaklabel" / "labels").exists()
    ('fit', 30, 3, 0, False)
    """
    bulk = open_bulk(config, project)
    decision = decide(bulk, refit=refit)
    work = shared_work(bulk, decision)
    store = VoteStore(work.votes)
    held = [store.held(digest) for digest in bulk.digests]
    known = known_labels(bulk, decision) if decision.model else {}
    linked = [digest in known for digest in bulk.digests]
    counts = {id: sum(key in own for own in held) for id, key in bulk.keys.items()}
    found = Plan(
        would=decision.how,
        why=decision.why,
        changed=bulk.changed,
        rows=bulk.task.corpus.count(),
        shards=len(bulk.shards),
        bytes=sum(part.file.size for part in bulk.task.corpus.table.parts),
        columns=len(bulk.keys) * len(bulk.shards),
        held=sum(counts.values()),
        rules=[{"rule": id, "held": n, "missing": len(held) - n} for id, n in counts.items()],
        linked=len(linked) if decision.how == "nothing" else sum(linked),
        slots=_slots(config),
        free=shutil.disk_usage(bulk.task.project).free,
        failures=[str(error) for error in bulk.failures],
        notes=[f"can't be read: {error.where}: {error.what}" for error in bulk.failures],
    )
    if decision.how == "nothing":
        return found
    missing = [sum(key not in own for key in bulk.keys.values()) for own in held]
    missing = [0 if there else count for count, there in zip(missing, linked, strict=True)]
    return _with_costs(found, bulk, decision, work, missing, linked)


def _with_costs(
    found: Plan, bulk: Bulk, decision: Decision, work: Work, missing: list[int], linked: list[bool]
) -> Plan:
    """Try one shard, and reckon from it what all of them take."""
    number = max(range(len(missing)), key=lambda i: (not linked[i], missing[i], bulk.shards[i].rows))
    sample = _try(bulk, decision, work, shard_items(bulk)[number])
    per_row = 1 / max(sample.rows, 1)
    rows = np.array([shard.rows for shard in bulk.shards], np.float64)
    doing = float(rows[~np.array(linked)].sum())
    cells = float(rows @ np.array(missing, np.float64))
    voting = sample.voting * per_row * cells / max(sample.missing, 1)
    passes = (sample.reading + sample.labeling) * per_row * doing
    driver, fitting = 0, 0.0
    if decision.how == "fit":
        passes += sample.grouping * per_row * doing
        whole = sample.patterns * per_row * doing * MERGING
        driver = int(min(whole, bulk.config.relabel.memory << 20))
        fitting = sample.fitting * per_row * doing * min(1.0, driver / max(whole, 1))
    votes = int(sample.votes * per_row * cells / max(sample.missing, 1))
    labels = int(sample.labels * per_row * doing)
    ids = 8 * int(doing) if work.hashes is not None else 0
    working = int(sample.patterns * per_row * doing) if decision.how == "fit" else 0
    disk = votes + labels + ids + working
    notes = list(found.notes)
    if disk > found.free:
        notes.append("the disk has not room for all of it")
    return replace(
        found,
        seconds=(voting + passes) / found.slots + fitting,
        measured=f"from {sample.rows:,} rows that were tried",
        memory=_peak(),
        driver=driver,
        disk=disk,
        working=working,
        notes=notes,
    )


def _try(bulk: Bulk, decision: Decision, work: Work, item: Item) -> _Sample:
    """Do the work for one shard, in memory, and note what each part takes."""
    voter = Voter(work, keep=False)
    for count in _TRIES:
        clock = [time.perf_counter()]
        read = work.corpus.read(item.shard, columns=["id"])
        clock.append(time.perf_counter())
        votes = voter.votes(item, rows=count)
        clock.append(time.perf_counter())
        if clock[-1] - clock[0] > _QUICK and count != _TRIES[0]:
            break
    clock[1] = clock[0] + (clock[1] - clock[0]) * len(votes.ids) / max(read.height, 1)
    patterns = voter.patterns(votes.events)
    levels = np.zeros(len(votes.ids), np.int8)
    clock.append(time.perf_counter())
    if decision.source is not None:
        model: Any = label_model.load(inner_model(decision.source))
    else:
        model = new_model(bulk.config, len(bulk.task.schema), bulk.task.registry.outcome_codes())
        model.fit(patterns.without_rows())
    clock.append(time.perf_counter())
    said = answers(
        patterns, model, schema=bulk.task.schema, threshold=bulk.config.task.threshold, version="0" * 16
    )
    data, _ = encoded(label_rows(votes.ids, patterns.inverse, said), "")
    clock.append(time.perf_counter())
    reading, voting, grouping, fitting, labeling = np.diff(clock).tolist()
    computed = dict(zip(list(bulk.keys)[: votes.voted], votes.columns, strict=False))
    return _Sample(
        rows=len(votes.ids),
        missing=votes.voted,
        reading=reading,
        voting=max(voting - reading, 0.0),
        grouping=grouping,
        fitting=fitting,
        labeling=labeling,
        votes=len(pack(item.digest, computed, {})) if computed else 0,
        patterns=ShardVotes(votes.ids, patterns, levels).bytes,
        labels=len(data),
    )


def _slots(config: Config) -> int:
    options = dict(config.engine)
    return int(engines.create(options.pop("name"), **options).slots)


def _peak() -> int:
    """Return the most memory that this process has held."""
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
