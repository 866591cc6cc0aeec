"""What a person sees of audits: what they can show, what they found, and whether a certificate holds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from weaklabel.console import counted, print_table

if TYPE_CHECKING:
    from rich.console import Console

    from weaklabel.audit.estimates import Figure
    from weaklabel.pipeline.audits.audit import Asked
    from weaklabel.pipeline.audits.certify import Issued, Verified
    from weaklabel.pipeline.audits.show import Shown, Watched

_WIDE = 48
_POINTS = (1, 2, 5, 10, 20, 30, 50, 75, 100)


def print_asked(asked: Asked, out: Console) -> None:
    """Print what an audit asks for, what that can show, and what to do next."""
    name, rows = asked.plan.name, asked.to_dict()["rows"]
    what = "would draw" if asked.sheet is None else "draws"
    out.print(
        f"audit {name} ({asked.plan.method}, of {asked.plan.told}) {what} {counted(rows, 'row')}\n",
        style="bold",
        soft_wrap=True,
    )
    for sentence in asked.sentences:
        out.print(f"- {sentence}", soft_wrap=True)
    _notes(asked.notes, out)
    if asked.sheet is None:
        out.print("\nnothing was recorded: the same without --plan draws it", soft_wrap=True)
        return
    out.print()
    loads = [[who, f"{items:,}", f"{checks:,}"] for who, items, checks in asked.sheet.loads.iter_rows()]
    if loads:
        print_table(out, ["person", "items", "hidden checks"], loads)
        out.print(f"\n{asked.sheet.sentence}", soft_wrap=True)
    batch = asked.batch
    out.print(
        f"\nnext  weaklabel batch export {batch} TOOL DIR, weaklabel batch move {batch} sent; when it is back: "
        f"weaklabel gold import TOOL PATH, weaklabel batch move {batch} back, weaklabel gold judge {batch}",
        soft_wrap=True,
    )


def print_shown(found: Shown, out: Console) -> None:
    """Print an audit's figures: the verdict first, then every figure with its interval."""
    out.print(
        f"audit {found.plan.name}, of {found.plan.told}: {found.decided:,} of {found.drawn:,} rows are decided\n",
        style="bold",
        soft_wrap=True,
    )
    if found.verdict:
        out.print(f"{found.verdict}\n", soft_wrap=True)
    if found.figures:
        out.print("against adjudicated gold:")
        print_table(
            out,
            ["figure", "of", "value", "interval", "labels", "needed"],
            [_figure(figure) for figure in found.figures],
            left=("of",),
        )
    if found.windows is not None:
        for one in found.windows.to_dict()["windows"]:
            if one["audit"] != found.plan.name:
                out.print(f"audit {one['audit']}: {one['says']}", soft_wrap=True)
    for line in (*found.trend, *(() if found.second is None else (str(found.second),)), *found.moved):
        out.print(f"\n{line}", soft_wrap=True)
    if found.plot is not None:
        out.print(f"\nplot  {found.plot}", soft_wrap=True)
    _notes(found.notes, out)
    if found.next:
        out.print(f"\nnext  {found.next}", soft_wrap=True)
    if found.mlflow_run is not None:
        out.print(f"\nMLflow run {found.mlflow_run}", soft_wrap=True)


def print_watched(found: Watched, out: Console) -> None:
    """Print where a sequential audit stands, and its evidence so far."""
    standing = found.standing
    out.print(f"{standing.sentence}\n", style="bold", soft_wrap=True)
    curve = standing.curve
    points = sorted({p for p in _POINTS if p < curve.height} | set(range(100, curve.height, 100)))
    chosen = [*points, curve.height] if curve.height else []
    rows = [[f"{c['labels']:,}", f"{c['wrong']:,}", _odds(c["below"]), _odds(c["above"]), _bar(c["below"], standing.needed)]
            for c in (curve.row(p - 1, named=True) for p in chosen)]  # fmt: skip
    if rows:
        header = [
            "labels",
            "wrong",
            "for",
            "against",
            f"evidence for, of the {standing.needed:.0f} that are needed",
        ]
        print_table(out, header, rows, left=(header[-1],))
    if found.plot is not None:
        out.print(f"\nplot  {found.plot}", soft_wrap=True)
    out.print(f"\nnext  {found.next}", soft_wrap=True)


def print_issued(found: Issued, out: Console) -> None:
    """Print what is certified, and where the certificate is."""
    for certificate in found.certificates:
        out.print(certificate.claim, style="bold", soft_wrap=True)
        for note in certificate.notes:
            out.print(f"  {note}", soft_wrap=True)
    _notes(found.notes, out)
    out.print(f"\ncertificate  {found.path}", soft_wrap=True)
    out.print(f"to read      {found.page}", soft_wrap=True)
    if found.mlflow_run is not None:
        out.print(f"MLflow run {found.mlflow_run}", soft_wrap=True)


def print_verified(found: Verified, out: Console) -> None:
    """Print whether a certificate holds, and if not, what has changed."""
    if found.holds:
        out.print(
            f"the certificate of audit {found.audit} holds, compared with {found.against}", soft_wrap=True
        )
        _notes(found.notes, out)
        return
    out.print(
        f"the certificate of audit {found.audit} does not hold for {found.against}:",
        style="bold",
        soft_wrap=True,
    )
    for sentence in found.changed:
        out.print(f"- {sentence}", soft_wrap=True)
    _notes(found.notes, out)


def print_audits(found: Sequence[Mapping[str, Any]], out: Console) -> None:
    """Print where each audit stands."""
    rows = [
        [a["audit"], a["for"], a["of"], a["state"], f"{a['drawn']:,}", f"{a['decided']:,}", f"{a['looks']:,}"]
        for a in found
    ]
    print_table(
        out,
        ["audit", "for", "labels of", "state", "drawn", "decided", "looks"],
        rows,
        left=("for", "labels of", "state"),
    )
    lines = [a for a in found if a["next"]]
    if lines:
        out.print()
    for audit in lines:
        out.print(f"next  {audit['audit']}: {audit['next']}", soft_wrap=True)


def _figure(figure: Figure) -> list[str]:
    found = figure.estimate
    if found.value is None or found.low is None or found.high is None:
        takes = f"{figure.needed:,}" if figure.needed else ""
        return [figure.figure, figure.part, "too few", "", f"{found.n:,}", takes]
    value = f"{100 * found.value:.1f} %"
    ends = f"{100 * found.low:.1f} to {100 * found.high:.1f} %"
    return [figure.figure, figure.part[:_WIDE], value, ends, f"{found.n:,}", ""]


def _odds(value: float) -> str:
    return f"{value:,.2f}" if value < 1e6 else "certain" if value == float("inf") else f"{value:.1e}"


def _bar(evidence: float, needed: float) -> str:
    from math import log

    share = min(max(log(max(evidence, 1e-9)) / log(needed), 0), 1)
    return "#" * round(30 * share)


def _notes(notes: Sequence[str], out: Console) -> None:
    for note in notes:
        out.print(f"! {note}", style="yellow", soft_wrap=True)
