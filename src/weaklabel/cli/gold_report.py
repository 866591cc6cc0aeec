"""`gold report`: how people's work has moved, as a page, a summary on the screen, and tables in MLflow."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from weaklabel.cli.frame import DONE, NOTHING, PARTLY, USAGE, Verb, out_page, print_json, say

if TYPE_CHECKING:
    from rich.console import Console

    from weaklabel.gold.trends.found import Look, Trends
    from weaklabel.pipeline.desk.report import GoldReport

_LAST = 6
"""Weeks and pairs that are shown on the screen; the page shows all."""


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--hardest", metavar="N", type=int, default=20, help="number of hardest items (default: 20)"
    )


def report(options: argparse.Namespace) -> int:
    """Make the report and say where it is."""
    from weaklabel.cli.gold_desk import open_room
    from weaklabel.pipeline.desk.report import gold_report

    if options.hardest < 1:
        say("usage error: --hardest is 1 or more")
        return USAGE
    made = gold_report(open_room(options), most=options.hardest)
    if options.json:
        print_json(made.to_dict())
    else:
        with out_page() as out:
            print_report(made, out)
    if made.tracking_error is not None:
        say(f"not logged: {made.tracking_error}")
        return PARTLY
    return NOTHING if made.page is None else DONE


def print_report(made: GoldReport, out: Console) -> None:
    """Print the latest figures of a report, and where the page is."""
    found = made.trends
    if made.page is None:
        out.print("nothing to report: nobody has answered, no item is gold, and no rule has been run")
        return
    _print_sizes(found, out)
    for look in found.looks:
        _print_look(look, out)
    _print_people(found, out)
    _print_money(found, out)
    for note in [*found.notes, *found.costs.notes]:
        out.print(f"! {note}", style="yellow", soft_wrap=True)
    out.print(f"\npage  {made.page}", soft_wrap=True)
    if made.mlflow_run is not None:
        out.print(f"MLflow run {made.mlflow_run}", soft_wrap=True)


def _print_sizes(found: Trends, out: Console) -> None:
    from weaklabel.console import counted

    answers, items = counted(found.answers, "answer"), counted(found.items, "item")
    said = f"{found.task}: {answers} to {items}, {found.people.height} annotators, by pseudonym\n"
    out.print(said, style="bold")


def _print_look(look: Look, out: Console) -> None:
    from weaklabel.console import print_table

    if look.label is not None:
        out.print(f"on the label {look.label}", style="bold")
    checks = {
        row["group"]: row for row in look.gold["week"].iter_rows(named=True) if row["source"] == "check"
    }
    people = {row["group"]: row for row in look.people["week"].iter_rows(named=True)}
    rows = [
        [
            week,
            _figure(checks.get(week), "raw"),
            _figure(checks.get(week), "kappa"),
            _figure(people.get(week), "raw"),
            _figure(people.get(week), "alpha"),
        ]
        for week in sorted({*checks, *people})[-_LAST:]
    ]
    if rows:
        names = ["week", "right on hidden checks", "kappa", "people agree", "alpha"]
        print_table(out, names, rows, drop=("kappa", "alpha"))
        out.print()
    for row in look.pairs.head(3).iter_rows(named=True):
        share = f"of {row['either']:,} items that got either"
        out.print(f"contested: {row['one']} and {row['other']} on {row['items']:,} {share}", soft_wrap=True)
    if look.pairs.height:
        out.print()


def _print_people(found: Trends, out: Console) -> None:
    from weaklabel.console import print_table

    checks = {
        row["group"]: row
        for look in found.looks
        for row in look.gold["annotator"].iter_rows(named=True)
        if look.label is None and row["source"] == "check"
    }
    rows = [
        [
            row["annotator"],
            f"{row['answers']:,}",
            f"{row['aside']:,}" if row["aside"] else "",
            _figure(checks.get(row["annotator"]), "raw"),
            "" if row["median"] is None else f"{row['median']:.1f} s",
        ]
        for row in found.people.iter_rows(named=True)
    ]
    if rows:
        print_table(out, ["person", "answers", "set aside", "right on hidden checks", "median time"], rows)
        out.print()


def _print_money(found: Trends, out: Console) -> None:
    from weaklabel.console import print_table

    ways = {
        "hand": "by hand",
        "suggestion": "by suggestion",
        "unknown": "by people",
        "rule": "by rule",
        "audit": "audit",
    }
    last = found.shares.row(-1, named=True) if found.shares.height else {}
    rows = [
        [
            ways[row["way"]],
            f"{row['labels']:,}",
            "not known" if row["each"] is None else f"{row['each']:.3g}",
            "not known" if row["money_each"] is None else f"{row['money_each']:.3g} {found.currency}".strip(),
            "" if last.get(f"{row['way']}_share") is None else f"{last[row['way'] + '_share']:.1%}",
        ]
        for row in found.costs.table.iter_rows(named=True)
    ]
    if rows:
        print_table(out, ["labels", "number", "minutes each", "money each", "share of all labels now"], rows)
        out.print()


def _figure(row: dict[str, Any] | None, kind: str) -> str:
    if row is None or row[kind] is None:
        return ""
    ends = "" if row[f"{kind}_low"] is None else f" [{row[f'{kind}_low']:.2f}, {row[f'{kind}_high']:.2f}]"
    return f"{row[kind]:.2f}{ends}" + (" few" if row["few"] else "")


VERBS = {
    "gold report": Verb(
        "agreement, time, cost and who labels, over time: a page in .weaklabel/reports and tables in MLflow",
        "weaklabel gold report task=support",
        report,
        _arguments,
    ),
}
