"""`relabel`: a corpus of any size labeled again, into one new version of the label table."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from weaklabel.cli.frame import (
    DONE,
    FAILED,
    NOTHING,
    PARTLY,
    USAGE,
    Verb,
    open_config,
    out_page,
    print_json,
    say,
)

if TYPE_CHECKING:
    from weaklabel.pipeline.relabeling.result import RelabelResult
    from weaklabel.settings import Config

CODES = {"relabeled": DONE, "nothing": NOTHING, "worse": FAILED, "partly": PARTLY}
_SHOWN = 10


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--plan", action="store_true", help="say what it would do, and what that costs; do nothing"
    )
    parser.add_argument(
        "--if-changed",
        action="store_true",
        help="for schedules: print nothing when nothing has changed (exit 3)",
    )
    parser.add_argument(
        "--refit", action="store_true", help="fit a model even where the one that stands would do"
    )


def _relabel(options: argparse.Namespace) -> int:
    if options.plan and options.if_changed:
        say("usage error: --plan says what would be done, and --if-changed does it: keep one of them")
        return USAGE
    project, config = open_config(options)
    if options.plan:
        return _plan(config, project, options)
    from weaklabel.console_relabel import watching
    from weaklabel.pipeline.relabeling.relabel import relabel

    with watching(sys.stderr) as watch:
        result = relabel(config, project, refit=options.refit, watch=watch)
    if result.outcome == "nothing" and options.if_changed:
        return NOTHING
    _show(result, options)
    return CODES[result.outcome]


def _plan(config: Config, project: Path, options: argparse.Namespace) -> int:
    from weaklabel.console_relabel import print_plan
    from weaklabel.pipeline.relabeling.plan import plan

    found = plan(config, project, refit=options.refit)
    if options.json:
        print_json(found.to_dict())
    else:
        with out_page() as out:
            print_plan(found, project, out)
    return NOTHING if found.would == "nothing" else DONE


def _show(result: RelabelResult, options: argparse.Namespace) -> None:
    from weaklabel.console_relabel import print_relabeled

    if options.json:
        print_json(result.to_dict())
    else:
        with out_page() as out:
            print_relabeled(result, out)
    if result.outcome == "worse":
        say(f"not published: {result.why}")
    if result.outcome == "partly":
        say(f"not finished: {result.why}")
        for error in result.failures[:_SHOWN]:
            say(f"error: {error}")
        if len(result.failures) > _SHOWN:
            say(f"and {len(result.failures) - _SHOWN} more: --json shows them")
        say("mend them and give the same command again")
    if result.tracking_error:
        say(f"error: the labels are committed, but the run was not logged\n{result.tracking_error}")


VERBS = {
    "relabel": Verb(
        "label the whole corpus again, shard by shard, into a new version of the label table",
        "weaklabel relabel task=support engine.workers=0",
        _relabel,
        _arguments,
    ),
}
