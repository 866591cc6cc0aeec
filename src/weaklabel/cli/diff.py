"""`diff`, `explain` and `recall`: what differs between two sets of labels, why a row has its label, what a rule did."""

from __future__ import annotations

import argparse
from pathlib import Path

from weaklabel.cli.frame import DONE, FAILED, NOTHING, Verb, open_config, out_page, print_json, say


def _diff_arguments(parser: argparse.ArgumentParser) -> None:
    side = "a run's id or `last`, or a version of the label table: v3 or `latest`"
    parser.add_argument("before", metavar="A", help=f"labels: {side}")
    parser.add_argument("after", metavar="B", help="labels to compare with them")
    parser.add_argument(
        "--fail-if",
        metavar="CONDITION",
        help="exit with 4 where it holds: 'flips > 2%% or accuracy_drop_upper > 1pt'; names are figures of --json, "
        "flips.LABEL among them; numbers are 2%%, 1pt, or rows",
    )
    parser.add_argument("--html", metavar="FILE", type=Path, help="write a page that needs no network")


def _diff(options: argparse.Namespace) -> int:
    from weaklabel.console_diff import print_diff
    from weaklabel.pipeline.diffing.diff import diff
    from weaklabel.report.diff_page import write_diff_page

    project, config = open_config(options)
    found = diff(config, project, options.before, options.after, fail_if=options.fail_if)
    data = found.to_dict()
    held = options.fail_if is not None and found.holds(options.fail_if)
    if options.html is not None:
        write_diff_page(data, options.html, condition=options.fail_if, held=held)
    if options.json:
        page = None if options.html is None else str(options.html)
        print_json({**data, "fail_if": options.fail_if, "failed": held, "page": page})
    else:
        with out_page() as out:
            print_diff(found, out)
            if options.html is not None:
                out.print(f"\npage  {options.html}", soft_wrap=True)
    if held:
        say(f"failed: {options.fail_if}")
        return FAILED
    return DONE


def _explain_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--id", metavar="ID", required=True, help="the row")
    parser.add_argument(
        "--at",
        metavar="LABELS",
        help="a run's id, `last`, a version v3 or `latest` (default: the newest version, else the last run)",
    )


def _explain(options: argparse.Namespace) -> int:
    from weaklabel.console_diff import print_explained
    from weaklabel.pipeline.diffing.explain import explain

    project, config = open_config(options)
    found = explain(config, project, options.id, at=options.at)
    if options.json:
        print_json(found.to_dict())
    else:
        with out_page() as out:
            print_explained(found, out)
    return DONE


def _recall_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--rule", metavar="NAME", required=True, help="the rule's id or name")
    parser.add_argument(
        "--since", metavar="VERSION", help="v3: rows on which it voted in any version from there on"
    )
    parser.add_argument("--out", metavar="FILE", type=Path, help="write the rows: .parquet, .csv or .jsonl")


def _recall(options: argparse.Namespace) -> int:
    from weaklabel.console_diff import print_recalled
    from weaklabel.pipeline.diffing.recall import recall

    project, config = open_config(options)
    found = recall(config, project, options.rule, since=options.since, out=options.out)
    if options.json:
        print_json(found.to_dict())
    else:
        with out_page() as out:
            print_recalled(found, out)
    return DONE if found.rows else NOTHING


VERBS = {
    "diff": Verb(
        "what differs between two runs or versions of the labels, which rules did it, and what gold says",
        "weaklabel diff v3 v4 --fail-if 'flips > 2% or accuracy_drop_upper > 1pt' --html diff.html",
        _diff,
        _diff_arguments,
    ),
    "explain": Verb(
        "why a row has its label, what single vote would change it, and its history",
        "weaklabel explain --id m0042 task=support",
        _explain,
        _explain_arguments,
    ),
    "recall": Verb(
        "all rows on which a rule voted, and what they would be without it",
        "weaklabel recall --rule asks_refund --since v3 --out rows.csv",
        _recall,
        _recall_arguments,
    ),
}
