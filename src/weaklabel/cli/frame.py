"""What every verb uses: its shape, exit codes, the project and its configuration, and the screen."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console

    from weaklabel.settings import Config

DONE, INPUT, USAGE, NOTHING, FAILED, PARTLY, BUG, INTERRUPTED, PIPE = 0, 1, 2, 3, 4, 5, 70, 130, 141
"""Exit codes."""


@dataclass(frozen=True)
class Verb:
    """One verb: its help, an example, its own arguments, and what it does."""

    summary: str
    example: str
    run: Callable[[argparse.Namespace], int]
    arguments: Callable[[argparse.ArgumentParser], None] = lambda parser: None
    in_project: bool = True
    reports: bool = True


def project_of(options: argparse.Namespace) -> Path:
    """Return the project's folder: --project, or the nearest above."""
    from weaklabel.config import conf_folder, find_project

    if options.project is None:
        return find_project()
    conf_folder(options.project)
    return Path(options.project).absolute()


def open_config(options: argparse.Namespace, *, without: Sequence[str] = ()) -> tuple[Path, Config]:
    """Return the project's folder and its configuration; `without` names settings that this verb can do without."""
    from weaklabel.config import load

    project = project_of(options)
    return project, load(project, options.words, without=without)


def out_page() -> AbstractContextManager[Console]:
    """Give a console for results on stdout."""
    from weaklabel.console import page

    return page(sys.stdout)


def say(text: str) -> None:
    """Print a message on stderr."""
    print(text, file=sys.stderr)


def print_json(data: Any) -> None:
    """Print a result as JSON on stdout."""
    print(json.dumps(data, ensure_ascii=False, indent=2, default=str))
