"""What a person sees of the gold room: its state, verdicts on people, what experts are asked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import polars as pl

from weaklabel.console import counted, grid, interval, print_table

if TYPE_CHECKING:
    from rich.console import Console

    from weaklabel.gold.agreeing.consensus import Consensus
    from weaklabel.gold.asking.batches import Plan
    from weaklabel.gold.gold_set.health import Health
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


def print_consensus(found: Consensus, out: Console) -> None:
    """Print what a batch's answers add up to, and what an expert settles."""
    out.print(found.sentence, style="bold")
    waiting = found.for_experts()
    if not waiting.height:
        return
    out.print()
    rows = [
        [row["item"], row["status"], row["why"], _said(row["answers"])]
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


def _said(answers: Sequence[Mapping[str, Any]]) -> str:
    told = []
    for one in answers:
        what = ", ".join(one["labels"]) or one["kind"]
        told.append(
            f"{what}"
            + (f" ({one['comment']})" if one["comment"] else "")
            + ("" if one["counts"] else " [out]")
        )
    return "; ".join(told)


def _notes(notes: Sequence[str], out: Console) -> None:
    for note in notes:
        out.print(f"! {note}", style="yellow", soft_wrap=True)
