"""`audit represents`, `audit due`: whether accepted labels still stand for what they are used for; checks of new ones."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from weaklabel.cli.frame import DONE, FAILED, NOTHING, Verb, open_config, out_page, print_json, say
from weaklabel.cli.gold_desk import open_room, told

if TYPE_CHECKING:
    from rich.console import Console

    from weaklabel.pipeline.audits.represents import Represents

_SHOWN = 20


def _represents_arguments(parser: argparse.ArgumentParser) -> None:
    from weaklabel.pipeline.audits.rows import EVERY

    parser.add_argument(
        "--by", metavar="COLUMN", action="append", default=[],
        help="a column of the corpus, or label, whose values are compared; may be repeated; the task's slices always are",
    )  # fmt: skip
    parser.add_argument(
        "--audit", metavar="AUDIT", help="rows accepted by its certificate (default: all labeled rows)"
    )
    parser.add_argument("--run", metavar="RUN", help="the run (default: the last, or the audit's)")
    parser.add_argument(
        "--incoming", metavar="FILE", type=Path,
        help="rows of production with the same columns, instead of the run's corpus",
    )  # fmt: skip
    parser.add_argument(
        "--every",
        choices=tuple(EVERY),
        default="month",
        help="window that times are put into (default: month)",
    )
    parser.add_argument(
        "--weights",
        metavar="FILE",
        type=Path,
        help="write each accepted row's weight, which undoes the selection, as CSV",
    )
    parser.add_argument(
        "--level", metavar="P", type=float, default=0.05,
        help="chance of any gap when there is none (default: 0.05)",
    )  # fmt: skip


def _represents(options: argparse.Namespace) -> int:
    from weaklabel.export import writing
    from weaklabel.pipeline.audits.represents import represents_of

    project, config = open_config(options)
    found = represents_of(
        config,
        project,
        by=options.by,
        run=options.run,
        audit=options.audit,
        incoming=options.incoming,
        every=options.every,
        level=options.level,
    )
    if options.weights is not None:
        with writing(options.weights):
            options.weights.parent.mkdir(parents=True, exist_ok=True)
            found.found.weights.write_csv(options.weights)
    if options.json:
        print_json(found.to_dict())
    else:
        with out_page() as out:
            _print_represents(found, out)
    return FAILED if found.found.alarm else DONE


def _print_represents(found: Represents, out: Console) -> None:
    from weaklabel.console import print_table

    out.print(f"run {found.run}: {found.accepted}, against {found.of}\n", style="bold", soft_wrap=True)
    for sentence in found.sentences():
        out.print(f"- {sentence}", soft_wrap=True)
    gaps = found.found.gaps[:_SHOWN]
    rows = [
        [g.kind, g.column, g.value, f"{100 * g.inside:.1f} %", f"{100 * g.outside:.1f} %",
         "too few" if g.p != g.p else "< 0.001" if g.adjusted < 0.001 else f"{g.adjusted:.3f}", "gap" if g.alarm else ""]
        for g in gaps
    ]  # fmt: skip
    out.print()
    header = ["what", "column", "value", "in it", "else", "adjusted p", ""]
    print_table(out, header, rows, left=("column", "value", ""))
    out.print(
        "accepted: share of accepted rows and of the others; errors: wrong among checked rows, in the slice and elsewhere",
        style="dim",
        soft_wrap=True,
    )
    for note in found.notes:
        out.print(f"! {note}", style="yellow", soft_wrap=True)


def _due_arguments(parser: argparse.ArgumentParser) -> None:
    from weaklabel.pipeline.audits.rows import EVERY

    parser.add_argument(
        "--draw", action="store_true", help="draw the check if it is due, as an audit check-DATE"
    )
    parser.add_argument(
        "--run", metavar="RUN", default="last", help="the run whose labels are checked (default: last)"
    )
    parser.add_argument(
        "--predictions", metavar="FILE", type=Path, help="labels of any system instead, as for audit draw"
    )
    parser.add_argument(
        "--every", choices=tuple(EVERY), help="window that the times of FILE are put into (default: week)"
    )


def _due(options: argparse.Namespace) -> int:
    from weaklabel.console_audit import print_asked
    from weaklabel.pipeline.audits.due import check_due

    found = check_due(
        open_room(options),
        draw=options.draw,
        run=options.run,
        predictions=options.predictions,
        every=options.every,
    )
    if found.asked is not None and not options.json:
        for sentence in found.sentences():
            say(sentence)
        with out_page() as out:
            print_asked(found.asked, out)
    else:
        told(found.to_dict(), found.sentences(), options)
    return DONE if found.ready else NOTHING


VERBS = {
    "audit represents": Verb(
        "whether accepted labels still stand for the corpus, or for what comes in (exit 4 on a gap), and weights",
        "weaklabel audit represents --by channel --incoming today.csv",
        _represents,
        _represents_arguments,
    ),
    "audit due": Verb(
        "whether new labels are due to be checked by people (exit 3 when not); --draw draws the check",
        "weaklabel audit due --draw",
        _due,
        _due_arguments,
    ),
}
