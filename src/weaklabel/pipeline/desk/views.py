"""What can be told of a gold room: where it stands, its versions, what is due, what its checks can catch."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from weaklabel.errors import GoldError, SchemaError, did_you_mean
from weaklabel.gold.agreeing.adjudication import contested
from weaklabel.gold.asking.batches import BatchSettings
from weaklabel.gold.asking.outcomes import queued
from weaklabel.gold.gold_set.health import Health, health
from weaklabel.gold.gold_set.standard import GoldDiff, GoldSet, diff
from weaklabel.gold.guideline import due
from weaklabel.gold.judging.anchoring import Anchoring, anchoring
from weaklabel.gold.power import LEAST_HISTORY, power_table
from weaklabel.pipeline.desk.room import Desk


def status(desk: Desk) -> dict[str, Any]:
    """Return where a gold room stands, as plain data: gold by role, batches, answers, queue, and what to do next."""
    room = desk.room
    gold, batches, queue = room.gold(), room.batches(), room.queue()
    asked = room.ledger.records("assignment", task=room.task)
    answers = room.answers()
    counts = gold.items.group_by("role").len().sort("role")
    lines = []
    for row in batches.iter_rows(named=True):
        mine = asked.filter(pl.col("batch") == row["batch"]).unique(["item", "annotator"])
        back = answers.filter(pl.col("batch") == row["batch"]).height
        lines.append(
            {
                **{k: row[k] for k in ("batch", "purpose", "state", "note")},
                "asked": mine.height,
                "answered": back,
            }
        )
    return {
        "task": room.task,
        "ledger": room.ledger.place,
        "gold": {role: int(n) for role, n in counts.iter_rows()},
        "answers": answers.height,
        "people": answers["annotator"].n_unique(),
        "batches": lines,
        "queue": queue.to_dicts(),
        "next": _next(desk, lines, queue.height),
    }


def _next(desk: Desk, batches: Sequence[Mapping[str, Any]], waiting: int) -> list[str]:
    """Return what a team does next, the nearest first."""
    found = []
    if not desk.room.rules.people:
        found.append("name the annotators in conf: gold.people: {ann: 1, bob: 1, cid: 1}")
    if not desk.room.gold().items.height:
        found.append("add gold that experts made: weaklabel gold add FILE --role check")
    steps = {
        "drawn": "send it: weaklabel batch export {0} TOOL DIR, then weaklabel batch move {0} sent",
        "sent": "when it is back: weaklabel gold import TOOL PATH, then weaklabel batch move {0} back",
        "back": "judge it: weaklabel gold judge {0}",
        "checked": "look at it: weaklabel gold consensus {0}, weaklabel batch review {0}",
        "reviewed": "release it: weaklabel batch move {0} released",
    }
    for one in batches:
        if one["state"] in steps:
            step = steps[one["state"]]
            if one["purpose"] == "training" and one["state"] == "back":
                step = "judge it: weaklabel training judge {0}"
            found.append(f"{one['batch']} is {one['state']}; {step.format(one['batch'])}")
    if waiting:
        wait = "item waits" if waiting == 1 else "items wait"
        found.append(f"{waiting} {wait} for an expert: weaklabel gold queue --write queue.csv")
    return found or ["draw a batch: weaklabel batch create NAME --size N"]


def health_of(desk: Desk, *, names: Mapping[str, str] | None = None) -> Health:
    """Return how good a task's gold set is, beside the corpus; `names` are those under which experts appear."""
    gold = desk.room.gold()
    corpus = desk.rows(["text"]).with_columns(item=pl.col("id"))
    now = datetime.datetime.now(datetime.UTC)
    return health(gold, now=now, corpus=corpus, text="text", pseudonyms=names)


def versions_of(desk: Desk) -> list[dict[str, Any]]:
    """Return the versions of a task's gold set, the first first: when, why, how many items, and what was erased."""
    room = desk.room
    gold, stones = room.gold(), room.ledger.tombstones()
    found = []
    for row in gold.versions.sort("number").iter_rows(named=True):
        old = gold.at(row["version"], tombstones=stones)
        found.append(
            {
                "version": row["version"],
                "recorded_at": row["recorded_at"],
                "items": old.items.height,
                "note": row["note"],
                "fingerprint": row["fingerprint"],
                "notes": list(old.notes),
            }
        )
    return found


def difference(desk: Desk, old: str, new: str) -> GoldDiff:
    """Return what changed in a task's gold set from one version to another; `now` is the set as it stands.

    Raises
    ------
    GoldError
        There is no such version.
    """
    gold = desk.room.gold()
    return diff(_at(gold, old), _at(gold, new))


def _at(gold: GoldSet, version: str) -> GoldSet:
    if version == "now":
        return gold
    try:
        return gold.at(int(version))
    except ValueError as error:
        known = [*map(str, gold.versions["version"].sort()), "now"]
        raise GoldError(f"{version!r} is no version of the gold set", available=known) from error


def due_of(desk: Desk, *, now: datetime.datetime | None = None) -> pl.DataFrame:
    """Return the gold items that it is time to look at again, the longest overdue first.

    An item is due on its own day, or `gold.review_after_days` after it was last decided.

    Returns
    -------
    polars.DataFrame
        item, labels, role, decided (a time) and due (a day).
    """
    gold = desk.room.gold()
    when = gold.history.select("number", at="recorded_at")
    items = gold.items.join(when, on="number", how="left", maintain_order="left")
    rows = items.select("item", "labels", "role", "at", review_by="due")
    today = now or datetime.datetime.now(datetime.UTC)
    found = due(rows, now=today, after_days=desk.config.gold.review_after_days)
    return found.select("item", "labels", "role", decided="at", due="due")


def queue_due(desk: Desk, found: pl.DataFrame) -> int:
    """Put what is due in the experts' queue, where it does not wait already; return how many."""
    waiting = desk.room.queue().filter(pl.col("batch").is_null())["item"]
    new = found.filter(~pl.col("item").is_in(waiting.implode()))
    why = [f"gold is looked at again: due since {day}" for day in new["due"]]
    if new.height:
        rows = queued(new["item"].to_list(), batch=None, why=why)
        desk.room.ledger.record("queue", rows, task=desk.room.task)
    return new.height


def anchoring_of(desk: Desk, batch: str) -> Anchoring:
    """Return whether people follow the suggestions that they were shown in a batch.

    Raises
    ------
    GoldError
        There is no such batch.
    """
    room = desk.room
    asked = room.ledger.records("assignment", task=room.task).filter(pl.col("batch") == batch)
    if not asked.height:
        known = room.batches()["batch"]
        raise GoldError(f"no batch {batch!r}", available=known, hint=did_you_mean(batch, known))
    answers = room.answers().filter(pl.col("batch") == batch)
    return anchoring(answers, asked, gold=room.gold().items.select("item", "labels"))


FALLS = (0.90, 0.85, 0.80, 0.70)
"""Shares of right answers after a fall that the power table shows."""
CHECKS = (4, 6, 8, 10, 12, 15, 20, 30, 40)


def power_of(desk: Desk, *, checks: Sequence[int] = CHECKS, falls: Sequence[float] = FALLS) -> dict[str, Any]:
    """Return what so many hidden checks would catch in the next batch, by the size of the fall.

    The level is the season's, histories and floors are those that the batch will be judged by.
    """
    rules, made = desk.room.rules, desk.room.settings()
    tables = {bad: power_table(checks, **{**made.power, "bad": bad}) for bad in falls}
    first = next(iter(tables.values()))
    rows = [
        {
            "checks": n,
            "false_alarms": first["false_alarms"][i],
            "caught": {f"{bad:g}": table["caught"][i] for bad, table in tables.items()},
        }
        for i, n in enumerate(checks)
    ]
    return {
        "good": made.good,
        "level": made.alpha,
        "history": made.history,
        "floor": made.floor,
        "season": {
            "people": rules.season.people,
            "batches": rules.season.batches,
            "false_alarms": rules.season.false_alarms,
        },
        "rows": rows,
        "sentences": _power_sentences(desk, made),
    }


def _power_sentences(desk: Desk, made: BatchSettings) -> list[str]:
    season = desk.room.rules.season
    many = "batch is" if season.false_alarms == 1 else "batches are"
    told = [
        f"the next batches are judged at the level {made.alpha:.2g}: over a season, people ({season.people}) times "
        f"batches ({season.batches}), {season.false_alarms:g} {many} failed wrongly at most, on average (gold.season)"
    ]
    history = made.history or 0
    if history >= LEAST_HISTORY:
        told.append(f"each is held against {history} earlier checks of the same person")
    else:
        told.append(
            f"people have answered {history} checks each: from {LEAST_HISTORY} on, a batch is held against them"
        )
    if made.floor is not None:
        told.append(f"and against a floor of {made.floor:.0%} right answers")
        if history >= LEAST_HISTORY:
            told.append("each of the two tests is made at half the level")
    elif history < LEAST_HISTORY:
        told.append("until then only a floor can fail a batch, and none is set: gold.floor=0.8")
    return told


def contested_of(desk: Desk, batch: str) -> pl.DataFrame:
    """Return which labels are given to the same items of a batch, the most frequent pairs first."""
    return contested(desk.room.consensus(batch, record=False))


def label_or_none(desk: Desk, word: str) -> str | None:
    """Return the label that a word names; None for `none`, which is none of the labels.

    Raises
    ------
    SchemaError
        An unknown label.
    """
    schema = desk.room.schema
    if word in schema:
        return schema.label(schema.code(word))
    if word == "none":
        return None
    raise SchemaError(
        f"unknown label {word!r}", available=[*schema.names, "none"], hint=did_you_mean(word, schema.names)
    )
