"""One step of a bulk relabeling: its shards on an engine, what came of each, and how far it is."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

from weaklabel.errors import (
    ConfigError,
    ModelError,
    OutputError,
    RuleError,
    RuleFault,
    SchemaError,
    WeakLabelError,
)
from weaklabel.pipeline.relabeling.parts import Done, Item
from weaklabel.pipeline.relabeling.result import Progress, Watch

logger = logging.getLogger("weaklabel.relabel")

STOPS = (RuleError, RuleFault, SchemaError, ConfigError, ModelError, OutputError)
"""Errors that are not those of one shard: the step ends with them."""

Each = Callable[[Done, Progress], None]
"""Told what came of each shard, and how far the step is."""


@dataclass
class Tally:
    """What came of all shards so far.

    Examples
    --------
    >>> Tally().shards()
    {'all': 0, 'voted': 0, 'linked': 0, 'resumed': 0, 'failed': 0}
    """

    failures: list[WeakLabelError] = field(default_factory=list)
    labeled: dict[int, Any] = field(default_factory=dict)
    seen: dict[int, set[str]] = field(default_factory=dict)
    reused: int = 0
    voted: int = 0
    faults: dict[str, int] = field(default_factory=dict)
    broken: list[str] = field(default_factory=list)
    flagged: list[tuple[str, float]] = field(default_factory=list)

    def add(self, item: Item, done: Done, *, limit: float) -> None:
        """Count what came of one shard, and name it when its votes are unlike those of the fit."""
        kinds = self.seen.setdefault(item.number, set())
        kinds |= {name for name in ("linked", "resumed") if getattr(done, name)}
        if done.voted:
            kinds.add("voted")
        self.reused += done.reused
        self.voted += done.voted
        self.broken += done.broken
        for sentence in done.broken:
            logger.warning("%s", sentence)
        if done.file is None:
            return
        self.labeled[item.number] = done
        for rule, count in done.faults.items():
            self.faults[rule] = self.faults.get(rule, 0) + count
        if done.unseen > limit:
            self.flagged.append((str(item), round(done.unseen, 4)))
            logger.warning(
                "%s: %.0f %% of the rows have votes that the fit has not seen (up to %.0f %% are usual)",
                item,
                100 * done.unseen,
                100 * limit,
            )

    def shards(self) -> dict[str, int]:
        """Return how many shards there are of each kind."""
        kinds = ("voted", "linked", "resumed")
        counts = {name: sum(name in own for own in self.seen.values()) for name in kinds}
        return {"all": len(self.seen), **counts, "failed": len(self.failures)}

    def columns(self) -> dict[str, int]:
        """Return how many columns of votes were there, and how many were computed."""
        return {"reused": self.reused, "voted": self.voted}

    def notes(self) -> list[str]:
        """Return what a reader should know."""
        found = list(self.broken)
        failed = {rule: count for rule, count in sorted(self.faults.items()) if count}
        if failed:
            said = ", ".join(f"{rule} {count:,}" for rule, count in failed.items())
            found.append(f"rules failed on rows, and their vote there is missing: {said}")
        return found


def run_step(
    name: str,
    make: Any,
    items: Sequence[Item],
    *,
    engine: Any,
    tally: Tally,
    limit: float,
    watch: Watch | None = None,
    each: Each | None = None,
    then: Callable[[Item], None] | None = None,
) -> list[Done]:
    """Do a task for all shards, on an engine; return what came of those that did not fail.

    Parameters
    ----------
    name
        For people.
    make
        Gives the function for shards.
    items
        The shards.
    engine
        Which runs the shards.
    tally
        Takes what comes of each.
    limit
        Share of unseen votes above which a shard is named.
    watch
        Told how far it is.
    each
        Told what came of each shard.
    then
        Called with each shard that did not fail.

    Raises
    ------
    WeakLabelError
        An error that is not that of one shard: a rule that fails, a full disk, a broken model.
    """
    start, rows, shards, reused, computed = time.perf_counter(), 0, 0, 0, 0
    total = sum(item.shard.rows for item in items)
    found: dict[int, Done] = {}

    def now() -> Progress:
        return Progress(
            step=name,
            rows=rows,
            all_rows=total,
            shards=shards,
            all_shards=len(items),
            reused=reused,
            failed=len(tally.failures),
            seconds=time.perf_counter() - start,
            computed=computed,
        )

    if watch is not None:
        watch(now())
    with closing(engine.map(make, items)) as results:
        for position, done in results:
            item = items[position]
            shards, rows = shards + 1, rows + item.shard.rows
            if isinstance(done, STOPS):
                raise done
            if isinstance(done, WeakLabelError):
                tally.failures.append(done)
                logger.warning("%s failed: %s", item, done.what)
            else:
                found[position] = done
                tally.add(item, done, limit=limit)
                if done.resumed or done.linked:
                    reused += 1
                else:
                    computed += item.shard.rows
                if each is not None:
                    each(done, now())
                if then is not None:
                    then(item)
            if watch is not None:
                watch(now())
    return [found[position] for position in sorted(found)]
