"""`gold sync`: a batch to the tool that people label in, and their answers back, through a server or a folder."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from weaklabel.cli.frame import DONE, INPUT, NOTHING, PARTLY, USAGE, Verb, open_config, print_json, say

if TYPE_CHECKING:
    from weaklabel.pipeline.desk.sync import Synced

_WITHOUT = ["task.gold.path"]


def _arguments(parser: argparse.ArgumentParser) -> None:
    from weaklabel.gold.tools import TOOLS

    parser.add_argument(
        "batch", metavar="BATCH", nargs="?", help="this batch alone (default: all that people work on)"
    )
    parser.add_argument(
        "--to",
        metavar="URL|DIR",
        help="a Label Studio server, its key in the environment as LABEL_STUDIO_API_KEY; or a folder: tasks go to "
        "its out/, answers are read from its in/ (default: gold.sync)",
    )
    parser.add_argument(
        "--tool",
        metavar="TOOL",
        choices=sorted(TOOLS),
        default="label_studio",
        help=f"whose files a folder holds: one of {', '.join(sorted(TOOLS))} (default: label_studio)",
    )
    parser.add_argument(
        "--person",
        metavar="THEIRS=OURS",
        action="append",
        default=[],
        help="an account in the tool and the annotator it is; may be repeated",
    )


def _sync(options: argparse.Namespace) -> int:
    from weaklabel.gold.tools.label_studio_api import is_address
    from weaklabel.pipeline.desk.room import open_desk
    from weaklabel.pipeline.desk.sync import SyncSettings, sync

    _batch_is_no_setting(options)
    people = dict(word.split("=", 1) for word in options.person if "=" in word)
    if len(people) < len(options.person):
        say("usage error: --person is THEIRS=OURS")
        return USAGE
    project, config = open_config(options, without=_WITHOUT)
    to = options.to or config.gold.sync
    if to is None:
        say("usage error: where to? give --to URL or DIR, or set gold.sync")
        return USAGE
    to = to if is_address(to) else str((Path.cwd() if options.to else project) / to)
    people = {**config.gold.accounts, **people}
    desk = open_desk(config, project)
    done = sync(desk, to, batch=options.batch, settings=SyncSettings(people=people, tool=options.tool))
    _show(done, options)
    if done.faults:
        return INPUT if done.nothing else PARTLY
    return NOTHING if done.nothing else DONE


def _batch_is_no_setting(options: argparse.Namespace) -> None:
    """Give a setting that stands where BATCH may stand back to the settings."""
    if options.batch is not None and "=" in options.batch:
        options.words, options.batch = [options.batch, *options.words], None


def _show(done: Synced, options: argparse.Namespace) -> None:
    if options.json:
        print_json(done.to_dict())
    else:
        print(done.sentence)
        for batch, n in done.sent.items():
            print(f"{batch}: {n} item{'s' * (n != 1)} sent to {done.to}")
        for batch, state in done.moved.items():
            print(f"{batch} is {state}")
        for note in done.notes:
            print(note)
    for fault in done.faults:
        say(f"error: {fault}")


VERBS = {
    "gold sync": Verb(
        "send people what they are asked, and fetch what they answered (exit 5 when a part of it failed)",
        "weaklabel gold sync b1 --to http://127.0.0.1:8080 --person ann@example.org=ann",
        _sync,
        _arguments,
    ),
}
