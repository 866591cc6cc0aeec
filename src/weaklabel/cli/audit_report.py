"""`audit report`: the verdict on a task's labels, and all that it rests on, as one page and as JSON."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from weaklabel.cli.frame import DONE, NOTHING, PARTLY, Verb, out_page, print_json, say
from weaklabel.cli.gold_desk import open_room

if TYPE_CHECKING:
    from rich.console import Console

    from weaklabel.pipeline.audits.report import AuditReport


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", metavar="NAME", help="the audit's name")


def report(options: argparse.Namespace) -> int:
    """Make the report of an audit and say where it is."""
    from weaklabel.pipeline.audits.report import audit_report

    made = audit_report(open_room(options), options.name)
    if options.json:
        print_json(made.to_dict())
    else:
        with out_page() as out:
            print_report(made, out)
    error = None if made.shown is None else made.shown.tracking_error
    if error is not None:
        say(f"not logged: {error}")
        return PARTLY
    return NOTHING if made.page is None else DONE


def print_report(made: AuditReport, out: Console) -> None:
    """Print the verdict of a report, what to do next, and where the page is."""
    name = made.plan.name
    if made.page is None:
        out.print(f"nothing to report: no row of audit {name} is decided", soft_wrap=True)
    else:
        out.print(made.verdict.headline, style="bold", soft_wrap=True)
        for part in made.verdict.parts if len(made.verdict.parts) > 1 else ():
            out.print(f"- {part}", soft_wrap=True)
    if made.next:
        out.print()
    for step in made.next:
        out.print(f"next  {step}", soft_wrap=True)
    if made.page is not None:
        out.print(f"\npage  {made.page}", soft_wrap=True)


VERBS = {
    "audit report": Verb(
        "the verdict, quality, certificate, rules, people, drift and what to do next, on one page in .weaklabel/reports",
        "weaklabel audit report may task=support",
        report,
        _arguments,
    ),
}
