"""What bulk relabeling shows on the screen: how far it is, what came of it, and what it would do."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from weaklabel.console import console, counted, grid, interval, print_table

if TYPE_CHECKING:
    from rich.console import Console

    from weaklabel.pipeline.relabeling.plan import Plan
    from weaklabel.pipeline.relabeling.result import Progress, RelabelResult, Watch

EVERY = 30.0
"""Seconds between two lines of progress where the screen is no terminal."""
_SHOWN = 10


@contextmanager
def watching(stream: IO[str]) -> Iterator[Watch]:
    """Show how far each step is: a line that changes on a terminal, a line now and then elsewhere."""
    shown: dict[str, Any] = {"step": "", "time": 0.0}
    live = stream.isatty()

    def watch(now: Progress) -> None:
        last = now.shards == now.all_shards
        begins = now.step != shown["step"]
        if begins:
            shown["step"], shown["time"] = now.step, time.monotonic()
        if live:
            stream.write(f"\r\x1b[2K{progress_line(now)}" + ("\n" if last else ""))
            stream.flush()
        elif last or (not begins and time.monotonic() - shown["time"] >= EVERY):
            shown["time"] = time.monotonic()
            stream.write(progress_line(now) + "\n")
            stream.flush()

    yield watch


def progress_line(now: Progress) -> str:
    """Return one line: how much is done, how fast, when it will end, and what was reused and failed.

    Examples
    --------
    >>> from weaklabel.pipeline.relabeling.result import Progress
    >>> print(progress_line(Progress(step="rules vote", rows=500, all_rows=2000, shards=1, all_shards=4, seconds=5)))
    rules vote: 500 of 2,000 rows (1 of 4 shards), 100 rows/s, 1,500 left, done in 15 s
    """
    parts = [f"{now.rows:,} of {now.all_rows:,} rows ({now.shards:,} of {now.all_shards:,} shards)"]
    if now.rate:
        parts.append(f"{now.rate:,.0f} rows/s")
    if now.rows < now.all_rows:
        parts.append(f"{now.all_rows - now.rows:,} left")
        if now.left is not None:
            parts.append(f"done in {duration(now.left)}")
    if now.reused:
        parts.append(f"{now.reused:,} reused")
    if now.failed:
        parts.append(f"{now.failed:,} failed")
    return f"{now.step}: {', '.join(parts)}"


def duration(seconds: float) -> str:
    """Return a time in the two units that matter.

    Examples
    --------
    >>> duration(0.4), duration(75), duration(7300)
    ('0 s', '1 min 15 s', '2 h 1 min')
    """
    whole = round(seconds)
    hours, minutes, rest = whole // 3600, whole // 60 % 60, whole % 60
    if hours:
        return f"{hours:,} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def size(count: float) -> str:
    """Return bytes in the unit that people read.

    Examples
    --------
    >>> size(900), size(2_500_000), size(3.2e12)
    ('900 B', '2.5 MB', '3.2 TB')
    """
    for unit in ("B", "kB", "MB", "GB"):
        if count < 1000:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} TB"


def print_relabeled(result: RelabelResult, out: Console) -> None:
    """Print what came of a relabeling."""
    if result.outcome == "nothing":
        out.print(f"nothing to do: {result.why}", soft_wrap=True)
        return
    facts = grid()
    if result.outcome == "relabeled":
        facts.add_row("version", f"{result.version} of {result.table}")
    facts.add_row("because", result.why if result.outcome == "relabeled" else changed_words(result.changed))
    facts.add_row("rows", ", ".join([f"{result.rows:,}", *_shares(result.statuses, result.rows)]))
    if result.labels:
        facts.add_row("labels", ", ".join(_shares(result.labels, sum(result.labels.values()))))
    facts.add_row("shards", _shard_words(result.shards))
    facts.add_row("votes", _column_words(result.columns))
    if result.model:
        sample = "" if result.share == 1 else f", fitted on a sample of 1 in {round(1 / result.share):,} rows"
        facts.add_row("model", result.model + sample)
    facts.add_row("gold", verdict_words(result))
    facts.add_row(
        "time", f"{duration(result.seconds)} ({result.rows / max(result.seconds, 1e-9):,.0f} rows/s)"
    )
    out.print(facts)
    for note in result.notes:
        out.print(f"! {note}", soft_wrap=True)
    if result.flagged:
        out.print(
            f"! {counted(len(result.flagged), 'shard')} with votes that the fit has not seen: "
            + ", ".join(f"{shard} ({share:.0%})" for shard, share in result.flagged[:_SHOWN]),
            soft_wrap=True,
        )


def changed_words(changed: Mapping[str, Any]) -> str:
    """Return what has changed, in words.

    Examples
    --------
    >>> changed_words({"corpus": True, "rules": {"new": ["asks"], "gone": [], "changed": ["link"]}})
    'corpus; rules: new asks, changed link'
    """
    if changed.get("first"):
        return "there are no labels yet"
    words = []
    for name, what in changed.items():
        if name != "rules":
            words.append(name)
            continue
        parts = [f"{kind} {', '.join(ids[:_SHOWN])}" for kind, ids in what.items() if ids]
        words.append(f"rules: {', '.join(parts)}" if parts else "rules")
    return "; ".join(words) or "nothing has changed"


def verdict_words(result: RelabelResult) -> str:
    """Return what gold says of the new labels, in words."""
    verdict = result.verdict
    if verdict is None or verdict.accuracy is None:
        return "none to score the labels by"
    said = f"accuracy {interval(verdict.accuracy)}"
    if verdict.difference is not None:
        said += f"; {verdict.word} than the labels before: {interval(verdict.difference)}"
    return said


def print_plan(plan: Plan, project: Path, out: Console) -> None:
    """Print what a relabeling would do."""
    facts = grid()
    facts.add_row("would", f"{plan.would}: {plan.why}")
    facts.add_row("changed", changed_words(plan.changed))
    facts.add_row("corpus", f"{plan.rows:,} rows in {counted(plan.shards, 'shard')}, {size(plan.bytes)}")
    facts.add_row(
        "votes",
        f"{plan.held:,} of {plan.columns:,} columns are there, {plan.columns - plan.held:,} are computed",
    )
    facts.add_row("labels", f"{plan.linked:,} of {plan.shards:,} shards keep theirs")
    if plan.seconds is not None:
        facts.add_row(
            "time", f"about {duration(plan.seconds)} on {counted(plan.slots, 'worker')} ({plan.measured})"
        )
    facts.add_row("memory", f"about {size(plan.memory)} a worker, {size(plan.driver)} for the fit at most")
    facts.add_row(
        "disk",
        f"about {size(plan.disk)}, of which {size(plan.working)} until it is committed; {size(plan.free)} free",
    )
    out.print(facts)
    for note in plan.notes:
        out.print(f"! {note}", soft_wrap=True)
    rules = [row for row in plan.rules if row["missing"]]
    if rules:
        out.print()
        header = ["rule", "votes there", "to compute"]
        rows = [[r["rule"], f"{r['held']:,}", f"{r['missing']:,}"] for r in rules[:_SHOWN]]
        print_table(out, header, rows)
        if len(rules) > _SHOWN:
            out.print(f"and {len(rules) - _SHOWN} more rules: --json shows them")


def _shares(counts: Mapping[str, int], total: int) -> list[str]:
    ranked = sorted(counts.items(), key=lambda one: -one[1])
    named = [f"{name} {count / max(total, 1):.1%}" for name, count in ranked[:_SHOWN]]
    return named + ([f"and {len(ranked) - _SHOWN} more"] if len(ranked) > _SHOWN else [])


def _shard_words(shards: Mapping[str, int]) -> str:
    words = {"voted": "voted on", "linked": "kept as they were", "resumed": "done before", "failed": "failed"}
    parts = [f"{shards[name]:,} {said}" for name, said in words.items() if shards.get(name)]
    return ", ".join([f"{shards.get('all', 0):,}", *parts])


def _column_words(columns: Mapping[str, int]) -> str:
    reused, voted = columns.get("reused", 0), columns.get("voted", 0)
    return f"{voted:,} columns computed, {reused:,} reused" if reused or voted else "none needed"


__all__ = [
    "changed_words", "console", "duration", "print_plan", "print_relabeled", "progress_line", "size",
    "verdict_words", "watching",
]  # fmt: skip
