"""What a person sees of the gold room: its state, verdicts on people, what experts are asked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import polars as pl

from weaklabel.console import counted, grid, interval, print_table
from weaklabel.gold.power import percent

if TYPE_CHECKING:
    from rich.console import Console

    from weaklabel.gold.agreeing.consensus import Consensus
    from weaklabel.gold.asking.batches import Plan
    from weaklabel.gold.gold_set.health import Health
    from weaklabel.gold.gold_set.standard import GoldDiff
    from weaklabel.gold.judging.anchoring import Anchoring
    from weaklabel.gold.judging.checks import Verdict
    from weaklabel.gold.judging.quarantine import Quarantine
    from weaklabel.gold.judging.training import Round

FEW = 12
"""Lines of a table that may grow."""


def print_status(found: Mapping[str, Any], out: Console) -> None:
    """Print where the gold room stands: gold by role, batches, people, what waits, and what to do next."""
    out.print(f"{found['task']}: gold room in {found['ledger']}\n", style="bold", soft_wrap=True)
    facts = grid()
    roles = ", ".join(f"{n} {role}" for role, n in found["gold"].items()) or "none"
    facts.add_row("gold", f"{sum(found['gold'].values()):,} items: {roles}" if found["gold"] else "none yet")
    facts.add_row("answers", f"{found['answers']:,} that count, of {people(found['people'])}")
    facts.add_row("waiting", f"{counted(len(found['queue']), 'item')} for an expert")
    out.print(facts)
    if found["batches"]:
        out.print()
        rows = [
            [b["batch"], b["purpose"], b["state"], f"{b['asked']:,}", f"{b['answered']:,}", b["note"] or ""]
            for b in found["batches"]
        ]
        print_table(
            out,
            ["batch", "for", "state", "asked", "answered", "note"],
            rows,
            left=("for", "state", "note"),
            drop=("note",),
        )
    out.print()
    for line in found["next"]:
        out.print(f"next  {line}", soft_wrap=True)


def print_plan(plan: Plan, out: Console) -> None:
    """Print a new batch: who gets how much, and what its hidden checks can catch."""
    drawn = plan.draws["item"].n_unique()
    out.print(
        f"batch {plan.batch}: {counted(drawn, 'item')} for {people(plan.loads.height)}\n",
        style="bold",
    )
    rows = [[name, f"{items:,}", f"{checks:,}"] for name, items, checks in plan.loads.iter_rows()]
    print_table(out, ["person", "items", "hidden checks"], rows)
    out.print(f"\n{plan.sentence}", soft_wrap=True)
    _notes(plan.notes, out)


def print_verdicts(
    verdicts: Sequence[Verdict], plan: Quarantine, names: Mapping[str, str], out: Console, *, dry_run: bool
) -> None:
    """Print each person's day, what is set aside, and which checks failed."""
    rows = [
        [
            names.get(v.person, v.person),
            "set aside" if v.failed else ("ok" if v.tested else "not tested"),
            f"{v.right} of {v.n}",
            interval(v.kappa) if v.kappa.value is not None else "",
            v.reason,
        ]
        for v in verdicts
    ]
    if rows:
        print_table(
            out,
            ["person", "verdict", "checks right", "kappa", "why"],
            rows,
            left=("verdict", "why"),
            drop=("kappa",),
        )
    else:
        out.print("no hidden check of this batch has been answered")
    for verdict in verdicts:
        if verdict.failed:
            items = ", ".join(verdict.failed_items[:FEW])
            out.print(
                f"\n{names.get(verdict.person, verdict.person)} got these checks wrong: {items}",
                soft_wrap=True,
            )
    if plan.failed:
        out.print(
            f"\n{counted(plan.answers, 'answer')} set aside, {counted(plan.assignments.height, 'item')} asked of others, "
            f"{counted(plan.queue.height, 'item')} for an expert"
            + (" (nothing recorded: --dry-run)" if dry_run else ""),
            soft_wrap=True,
        )


def print_consensus(found: Consensus, out: Console, *, named: bool = False) -> None:
    """Print what a batch's answers add up to, and what an expert settles; with the names of who said what if `named`."""
    out.print(found.sentence, style="bold")
    waiting = found.for_experts()
    if not waiting.height:
        return
    out.print()
    rows = [
        [row["item"], row["status"], row["why"], _said(row["answers"], named)]
        for row in waiting.head(FEW).iter_rows(named=True)
    ]
    print_table(
        out,
        ["for an expert", "status", "why", "answers"],
        rows,
        left=("status", "why", "answers"),
        drop=("status",),
    )
    if waiting.height > FEW:
        out.print(f"{waiting.height - FEW} more")


def print_round(found: Round, names: Mapping[str, str], out: Console) -> None:
    """Print a training round: each person's verdict and what confused several."""
    rows = [
        [
            names.get(t.person, t.person),
            t.verdict,
            f"{t.answered}",
            interval(t.accuracy),
            interval(t.kappa),
            t.reason,
        ]
        for t in found.people
    ]
    print_table(
        out,
        ["person", "verdict", "answers", "as in gold", "kappa", "why"],
        rows,
        left=("verdict", "why"),
        drop=("why",),
    )
    if found.alpha.value is not None:
        out.print(f"\nagreement among them (Krippendorff's alpha): {interval(found.alpha)}")
    if found.confusing.height:
        out.print(f"confused several: {', '.join(found.confusing['item'].head(FEW))}", soft_wrap=True)
    _notes(found.notes, out)


def print_health(found: Health, out: Console) -> None:
    """Print how good the gold set is, in sentences."""
    for sentence in found.sentences:
        out.print(sentence, soft_wrap=True)


def print_versions(found: Sequence[Mapping[str, Any]], out: Console) -> None:
    """Print the versions of a gold set."""
    rows = [
        [
            str(v["version"]),
            f"{v['recorded_at']:%Y-%m-%d %H:%M}" if v["recorded_at"] else "",
            f"{v['items']:,}",
            v["note"] or "",
        ]
        for v in found
    ]
    print_table(out, ["version", "recorded (UTC)", "items", "note"], rows, left=("note",))
    _notes([note for v in found for note in v["notes"]], out)


def print_gold_diff(found: GoldDiff, out: Console) -> None:
    """Print what changed between two versions of a gold set, item by item."""
    out.print(found.sentence, style="bold")
    rows = []
    for what in ("added", "removed"):
        for item, labels, role in getattr(found, what).select("item", "labels", "role").iter_rows():
            rows.append([item, what, f"{_labels(labels)} ({role})"])
    for item, before, after in found.relabeled.iter_rows():
        rows.append([item, "relabeled", f"{_labels(before)} -> {_labels(after)}"])
    for item, before, after in found.moved.iter_rows():
        rows.append([item, "moved", f"{before} -> {after}"])
    if rows:
        out.print()
        print_table(out, ["item", "what", "how"], rows, left=("what", "how"))


def print_due(found: pl.DataFrame, out: Console, *, queued: int | None) -> None:
    """Print the gold that it is time to look at again."""
    be = "is" if found.height == 1 else "are"
    out.print(f"{counted(found.height, 'gold item')} {be} to be looked at again\n", style="bold")
    rows = [
        [item, _labels(labels), role, str(day) if day else "no day is known"]
        for item, labels, role, day in found.select("item", "labels", "role", "due").iter_rows()
    ]
    print_table(out, ["item", "label", "role", "due since"], rows, left=("label", "role"))
    if queued is not None:
        out.print(f"\n{counted(queued, 'item')} put in the experts' queue")


def print_power(found: Mapping[str, Any], out: Console) -> None:
    """Print the power table: how many falls so many checks catch, and how often they fail a good day."""
    falls = list(found["rows"][0]["caught"])
    out.print(
        f"share of batches that are set aside, of a person who is right in {percent(found['good'])} of cases "
        "on a usual day\n",
        style="bold",
        soft_wrap=True,
    )
    rows = [
        [
            str(row["checks"]),
            _small(row["false_alarms"]),
            *(_small(row["caught"][fall]) for fall in falls),
        ]
        for row in found["rows"]
    ]
    header = ["hidden checks", "usual day", *(f"fall to {percent(float(fall))}" for fall in falls)]
    print_table(out, header, rows)
    out.print()
    for sentence in found["sentences"]:
        out.print(sentence, soft_wrap=True)


def _small(share: float) -> str:
    return percent(share) if share >= 0.001 else "< 0.1 %"


def print_anchoring(found: Anchoring, out: Console) -> None:
    """Print whether suggestions pull answers their way."""
    out.print(found.sentence, style="bold", soft_wrap=True)
    lines = {
        "as the suggestion": found.follows,
        "as in gold": found.right,
        "as a wrong suggestion": found.misled,
        "skipped or unsure": found.skips,
    }
    rows = [
        [
            name,
            f"{one.shown[0]} of {one.shown[1]}",
            f"{one.blind[0]} of {one.blind[1]}",
            interval(one.difference),
            "" if one.p is None else f"{one.p:.2g}",
        ]
        for name, one in lines.items()
        if one.shown[1] or one.blind[1]
    ]
    if rows:
        out.print()
        print_table(out, ["answers", "suggestion shown", "blind", "difference", "p"], rows)
    _notes(found.notes, out)


def print_contested(found: pl.DataFrame, batch: str, out: Console) -> None:
    """Print which labels are given to the same items, and how to ask others."""
    if not found.height:
        out.print("no item was given two labels: nothing is contested")
        return
    rows = [
        [f"{one or 'none'} and {other or 'none'}", f"{n:,}", f"{open_:,}", _some(items)]
        for one, other, n, open_, items in found.head(FEW).iter_rows()
    ]
    header = ["given to the same items", "items", "not settled", "such as"]
    print_table(out, header, rows, left=("such as",), drop=("such as",))
    one, other = found.row(0)[:2]
    out.print(
        f"\nnext  weaklabel batch reissue {batch} --pair {one or 'none'} {other or 'none'}", soft_wrap=True
    )


def queue_rows(queue: pl.DataFrame, texts: Mapping[str, str]) -> list[list[str]]:
    """Return the lines of the experts' queue: item, batch, why and the text's beginning."""
    return [
        [item, batch or "", why, texts.get(item, "")[:80].replace("\n", " ")]
        for item, batch, why in queue.select("item", "batch", "why").iter_rows()
    ]


def people(count: int) -> str:
    """Return a number of people.

    Examples
    --------
    >>> people(1), people(3)
    ('1 person', '3 people')
    """
    return f"{count:,} {'person' if count == 1 else 'people'}"


def _said(answers: Sequence[Mapping[str, Any]], named: bool) -> str:
    told = []
    for one in answers:
        what = ", ".join(one["labels"]) or one["kind"]
        what = f"{one['annotator']}: {what}" if named else what
        told.append(
            f"{what}"
            + (f" ({one['comment']})" if one["comment"] else "")
            + ("" if one["counts"] else " [out]")
        )
    return "; ".join(told)


def _labels(labels: Sequence[str]) -> str:
    return ", ".join(labels) or "none of these"


def _some(items: Sequence[str]) -> str:
    return ", ".join(items[:3]) + (" …" if len(items) > 3 else "")


def _notes(notes: Sequence[str], out: Console) -> None:
    for note in notes:
        out.print(f"! {note}", style="yellow", soft_wrap=True)
