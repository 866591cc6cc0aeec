"""What a person sees of a diff of labels, of one row explained, and of the rows of a rule."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from weaklabel.console import counted, grid, print_table

if TYPE_CHECKING:
    from rich.console import Console

    from weaklabel.pipeline.diffing.diff import LabelDiff
    from weaklabel.pipeline.diffing.explain import Explained
    from weaklabel.pipeline.diffing.recall import Recalled

MOST = 12
"""Lines of a table that are shown; the JSON holds all."""
WIDE = 70
"""Characters of a text that are shown."""


def print_diff(found: LabelDiff, out: Console) -> None:
    """Print what differs between two sets of labels: how much, why, and whether it is for the better."""
    before, after = found.before["told"], found.after["told"]
    out.print(f"{found.task}: {before} and {after}\n", style="bold", soft_wrap=True)
    facts = grid()
    facts.add_row("rows", _rows(found))
    if found.same:
        facts.add_row("flips", "nothing differs: the same labels on the same rows")
    else:
        share = _share(found.flips, found.rows)
        facts.add_row("flips", f"{found.flips:,} rows ({share}) have another label or status")
    if found.changed:
        facts.add_row("differ", ", ".join(found.changed))
    for kind, names in found.changed_rules.items():
        if names:
            facts.add_row(f"{kind} rules", ", ".join(names))
    for part, line in _accuracy(found):
        facts.add_row(part, line)
    out.print(facts)
    _flips(found, out)
    _causes(found, out)
    if found.examples:
        out.print()
        rows = [
            [e["id"], e["before"], e["after"], e["cause"], _cut(e["text"])] for e in found.examples[:MOST]
        ]
        header = ["for example", "before", "after", "because of", "text"]
        print_table(out, header, rows, left=header[1:], wraps=("because of", "text"), drop=("text",))
    _notes(found.notes, out)


def _rows(found: LabelDiff) -> str:
    parts = [f"{found.rows:,} on both sides"]
    parts += [f"{found.only_before:,} only in {found.before['told']}"] * (found.only_before > 0)
    parts += [f"{found.only_after:,} only in {found.after['told']}"] * (found.only_after > 0)
    return ", ".join(parts)


def _accuracy(found: LabelDiff) -> list[tuple[str, str]]:
    if found.gold is None:
        return []
    parts = {"accuracy": found.gold.difference} | {f"slice {k}": v for k, v in found.gold.slices.items()}
    return [(name, f"{_points(one.value, one.low, one.high)}, on {counted(one.n, 'gold row')}") for name, one in parts.items()]  # fmt: skip


def _points(value: float | None, low: float | None, high: float | None) -> str:
    if value is None:
        return "not measured"
    ends = "" if low is None or high is None else f" ({100 * low:+.2f} to {100 * high:+.2f})"
    return f"{100 * value:+.2f} points{ends}"


def _flips(found: LabelDiff, out: Console) -> None:
    for name, table in (("label", found.pairs), ("status", found.statuses)):
        if not table.height:
            continue
        out.print()
        lines = table.head(MOST).iter_rows(named=True)
        rows = [
            [_none(x["before"]), _none(x["after"]), f"{x['rows']:,}", _share(x["rows"], found.rows)]
            for x in lines
        ]
        print_table(out, [f"{name} before", "after", "rows", "share"], rows, left=("after",))
        _more(table.height, out)


def _causes(found: LabelDiff, out: Console) -> None:
    if not found.flips:
        return
    out.print()
    rows = [[kind, f"{n:,}", _share(n, found.flips)] for kind, n in found.causes.items()]
    rows += [[f"  {part}", f"{n:,}", ""] for part, n in found.parts.items()]
    print_table(out, ["flips by", "rows", "share"], rows)
    if found.rules.height:
        out.print()
        lines = found.rules.head(MOST).iter_rows(named=True)
        rows = [
            [r["rule"], f"{r['rows']:,}", f"{r['alone']:,}", f"{r['by_vote']:,}", r["change"]] for r in lines
        ]
        header = ["rule", "flips", "by itself", "its vote changed", "the rule is"]
        print_table(out, header, rows, left=("the rule is",))
        _more(found.rules.height, out)


def print_explained(found: Explained, out: Console) -> None:
    """Print why a row has its label."""
    label = found.label or f"no label ({found.status.replace('_', ' ')})"
    out.print(f"{found.id}: {label}, in {found.side}\n", style="bold", soft_wrap=True)
    if found.text is not None:
        out.print(f"{_cut(found.text, 600)}\n", soft_wrap=True)
    names = list(found.prior)
    rows = [["before any vote", *(_number(found.prior[name], found.scale) for name in names), ""]]
    rows += [
        [f"{line['rule']}: {line['vote']}", *(_number(line["adds"][n], found.scale) for n in names), line["without"] or "none"]
        for line in found.votes
    ]  # fmt: skip
    rows += [[step, *(f"{shares[n]:.3f}" for n in names), ""] for step, shares in found.steps.items()]
    print_table(out, [_SCALES[found.scale], *names, "without it"], rows, left=("without it",))
    if found.silent:
        out.print(f"{counted(found.silent, 'other rule')} abstained", style="dim")
    out.print()
    for flip in found.would_flip[:MOST]:
        out.print(f"{flip['outcome']} if {flip['rule']} {_said(flip)}", soft_wrap=True)
    _more(len(found.would_flip), out)
    if not found.would_flip:
        out.print("no single vote would change it")
    if found.history:
        out.print()
        print_table(
            out,
            ["version", "time", "kind", "label", "status", "probability", "what changed"],
            [_version(line) for line in found.history],
            left=("time", "kind", "label", "status", "what changed"),
            wraps=("what changed",),
            drop=("kind",),
        )
    _notes(found.notes, out)


_SCALES = {
    "log odds": "log odds of",
    "share": "share of",
    "left out": "what it adds to the log odds of",
}


def _said(flip: Mapping[str, Any]) -> str:
    if flip["instead"] == "abstained":
        return f"abstained (it says {flip['vote']})"
    return (
        f"said {flip['instead']} (it {'abstains' if flip['vote'] == 'abstained' else 'says ' + flip['vote']})"
    )


def _version(line: Mapping[str, Any]) -> list[str]:
    sure = "" if line["probability"] is None else f"{line['probability']:.3f}"
    what = "; ".join(
        key if value is True else f"{key}: {_told(value)}" for key, value in line["changed"].items()
    )
    return [
        f"v{line['version']}",
        line["time"],
        line["kind"],
        line["label"] or "",
        line["status"],
        sure,
        what,
    ]


def _told(value: Any) -> str:
    if isinstance(value, Mapping):
        return "; ".join(f"{key} {', '.join(map(str, names))}" for key, names in value.items() if names)
    return str(value)


def print_recalled(found: Recalled, out: Console) -> None:
    """Print on how many rows a rule voted, and what their labels would be without it."""
    of = f"{found.side}" + (f" and every version since {found.since}" if found.since else "")
    out.print(f"{found.rule}, in {of}\n", style="bold", soft_wrap=True)
    out.print(f"it voted on {counted(found.rows, 'row')}", soft_wrap=True)
    if found.standing < found.rows:
        out.print(f"{found.standing:,} of them have its vote now", soft_wrap=True)
    out.print(f"{found.changes:,} of them would have another label or status without it", soft_wrap=True)
    if found.table.height:
        out.print()
        lines = found.table.head(2 * MOST).iter_rows(named=True)
        rows = [[r["label"], r["label_without"], f"{r['rows']:,}"] for r in lines]
        print_table(out, ["label now", "without it", "rows"], rows, left=("without it",))
    if found.file is not None:
        out.print(f"\nrows  {found.file}", soft_wrap=True)
    _notes(found.notes, out)


def _more(height: int, out: Console) -> None:
    if height > MOST:
        out.print(f"and {height - MOST} more (--json has all)", style="dim")


def _notes(notes: Sequence[str], out: Console) -> None:
    if notes:
        out.print()
    for note in notes:
        out.print(f"! {note}", style="yellow", soft_wrap=True)


def _none(value: str | None) -> str:
    return "(no label)" if value is None else value


def _number(value: float, scale: str) -> str:
    return f"{value:.3f}" if scale == "share" else f"{value:+.2f}"


def _share(part: int, whole: int) -> str:
    return f"{100 * part / max(whole, 1):.2f} %"


def _cut(words: str | None, limit: int = WIDE) -> str:
    line = " ".join((words or "").split())
    return line if len(line) <= limit else line[: limit - 1] + "…"
