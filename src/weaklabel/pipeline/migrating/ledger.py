"""The gold ledger under a new schema, in one transaction."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from weaklabel.errors import GoldError
from weaklabel.gold import Ledger
from weaklabel.gold.gold_set.standard import gold_set
from weaklabel.gold.ledger import records
from weaklabel.gold.ledger.log import Log
from weaklabel.pipeline.migrating.steps import Step
from weaklabel.taxonomy import Carried, SchemaDiff, carry_gold


def carry_ledger(diff: SchemaDiff, ledger: Ledger, task: str, dry_run: bool) -> Step:
    """Carry the gold set over, in one transaction."""
    with ledger.deciding() as log:
        known = gold_set(log.records("gold", task=task), schema=diff.old, unknown="keep")
        carried = carry_gold(known.items, diff, id="item", label="labels")
        changed = _changed(known.items, carried, diff)
        removed = known.items.join(carried.rows.select("item"), on="item", how="anti", maintain_order="left")
        _refuse_open_audits(log, task, removed, dry_run)
        notes = (*carried.notes, *_work_out_there(log, task, diff))
        counts = {**carried.counts, "removed": removed.height}
        if dry_run or not (changed.height or removed.height or carried.queued.height):
            return Step("the gold set", counts, carried.queued, notes)
        reason = f"{diff.versions}"
        gone = removed.with_columns(role=pl.lit("removed"), counter=pl.lit([], dtype=pl.List(pl.String)))
        new = pl.concat([changed, gone]).with_columns(reason=_reasons(reason))
        if new.height:
            log.record("gold", new.select(list(records.KINDS["gold"])), task=task)
        waits = _not_yet(log, task, carried.queued)
        if waits.height:
            log.record("queue", waits, task=task)
        after = gold_set(
            log.records("gold", task=task),
            schema=diff.new,
            versions=log.records("version", task=task),
            unknown="keep",
        )
        log.record("version", after.next_version(f"{reason}: {_counted(counts)}"), task=task)
        return Step("the gold set", counts, carried.queued, notes, ledger.place)


def _changed(items: pl.DataFrame, carried: Carried, diff: SchemaDiff) -> pl.DataFrame:
    """Return the carried items whose labels, or labels that they are mistaken for, have other names now."""
    counters = [
        list(dict.fromkeys(new for name in row if name in diff.old and (new := diff.exact(name)) is not None))
        for row in carried.rows["counter"].to_list()
    ]
    own = carried.rows["labels"].to_list()
    kept = [[name for name in row if name not in mine] for row, mine in zip(counters, own, strict=True)]
    now = carried.rows.with_columns(pl.Series("counter", kept, dtype=pl.List(pl.String)))
    before = items.select("item", was="labels", mistaken="counter")
    both = now.join(before, on="item", how="left", maintain_order="left")
    other = (pl.col("labels") != pl.col("was")) | (pl.col("counter") != pl.col("mistaken"))
    return both.filter(other).drop("was", "mistaken")


def _reasons(reason: str) -> pl.Expr:
    was = pl.col("reason")
    return pl.when(was.is_null()).then(pl.lit(reason)).otherwise(was + pl.lit(f"; {reason}"))


def _refuse_open_audits(log: Log, task: str, removed: pl.DataFrame, dry_run: bool) -> None:
    audits = records.current("audit", log.records("audit", task=task))
    standing = audits.filter(pl.col("state") == "open")["audit"].to_list()
    held = removed.filter(pl.col("role") == "audit").height
    if standing and held and not dry_run:
        items = f"{held} gold item{'s' * (held != 1)} of role audit"
        what = f"{items} would leave the gold set while audit {standing[0]!r} is open"
        raise GoldError(what, hint="close it first: weaklabel audit close")


def _work_out_there(log: Log, task: str, diff: SchemaDiff) -> tuple[str, ...]:
    """Say what people still answer under the old schema, and what answers the new one would not understand."""
    states = records.current("batch", log.records("batch", task=task))
    out = states.filter(pl.col("state").is_in(["drawn", "sent"]))["batch"].to_list()
    notes = [f"batch {name!r} is out with the old labels: take its answers back first" for name in out]
    said = log.current(task=task)["labels"].explode(empty_as_null=False).drop_nulls()
    counts = dict(said.value_counts().iter_rows())
    for name, count in sorted(counts.items()):
        said_by = f"{count:,} answers name" if count > 1 else "1 answer names"
        if name in diff.old and name not in diff.new and diff.exact(name) is not None:
            notes.append(f"{said_by} {name!r}, which the new schema doesn't know: make it an alias")
        elif name in diff.old and diff.exact(name) is None:
            stays = "they stay as they are" if count > 1 else "it stays as it is"
            notes.append(f"{said_by} {name!r}, which is no single label any more: {stays}")
    return tuple(notes)


def _not_yet(log: Log, task: str, queued: pl.DataFrame) -> pl.DataFrame:
    """Return queue records of items that don't wait already."""
    now = records.current("queue", log.records("queue", task=task))
    waiting = now.filter(pl.col("state") == "open", pl.col("batch").is_null())["item"].to_list()
    left = queued.filter(~pl.col("id").is_in(waiting))
    state = pl.lit("open")
    return left.select(item="id", batch=pl.lit(None, pl.String), why="why", state=state)


def _counted(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {count:,}" for name, count in counts.items())
