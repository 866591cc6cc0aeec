"""What the verbs of the gold room share: opening it, names and pseudonyms, and telling what was done."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from weaklabel.cli.frame import DONE, open_config, print_json

if TYPE_CHECKING:
    from weaklabel.pipeline.desk.room import Desk

WITHOUT = ["task.gold.path"]
"""Settings that the gold room can do without."""
PEOPLE = ("annotator", "requeued_from", "person")
"""Keys of results that name people."""


def open_room(options: argparse.Namespace) -> Desk:
    """Open the gold room of the task that the settings name."""
    from weaklabel.pipeline.desk.room import open_desk

    project, config = open_config(options, without=WITHOUT)
    return open_desk(config, project)


def batch_argument(parser: argparse.ArgumentParser) -> None:
    """Add the batch to a verb's arguments."""
    parser.add_argument("batch", metavar="BATCH", help="the batch's name")


def names_flag(parser: argparse.ArgumentParser) -> None:
    """Add the flag that shows people's names to a verb's arguments."""
    parser.add_argument(
        "--names", action="store_true", help="show people by their names, not by their pseudonyms"
    )


def shown_names(options: argparse.Namespace, desk: Desk) -> dict[str, str]:
    """Return the name under which each person appears: pseudonyms, or nothing where --names asks for their own."""
    return {} if options.names else desk.room.ledger.pseudonyms()


def with_names(data: Any, names: Mapping[str, str]) -> Any:
    """Return plain data with pseudonyms in the place of names.

    Examples
    --------
    >>> with_names([{"annotator": "ann", "item": "ann"}], {"ann": "annotator 3"})
    [{'annotator': 'annotator 3', 'item': 'ann'}]
    """
    if isinstance(data, Mapping):
        return {
            key: names.get(value, value)
            if key in PEOPLE and isinstance(value, str)
            else with_names(value, names)
            for key, value in data.items()
        }
    return [with_names(value, names) for value in data] if isinstance(data, list | tuple) else data


def told(data: dict[str, Any], lines: Sequence[str], options: argparse.Namespace) -> int:
    """Print a result, as JSON or in lines."""
    if options.json:
        print_json(data)
    else:
        for line in lines:
            print(line)
    return DONE
