"""A task opened to look at its rules: what `lf try`, `lf report`, `lf errors`, `lf suggest` and `lf bins` share."""

from __future__ import annotations

import argparse
import contextlib
import sys
from collections.abc import Callable, Iterator
from contextlib import redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from weaklabel.cli.frame import USAGE, open_config, out_page, print_json, say

if TYPE_CHECKING:
    from weaklabel.explore import Ballots, FirstLook, View
    from weaklabel.gold import Gold
    from weaklabel.label_matrix import LabelMatrix
    from weaklabel.lf import LabelingFunction, LFRegistry
    from weaklabel.pipeline import Task
    from weaklabel.settings import Config

_HELD_OUT = "gold is held out (task.gold.held_out): it judges no rule here"
_NO_GOLD = "there is no gold: nothing says how often a rule is right"
_NO_PART = "no part of the gold is kept for calibration, so that all of it decides: task.gold.calibrate=0.5 keeps a half apart"

Tell = Callable[[str, int, int], None]


@dataclass
class Bench:
    """A task opened to look at its rules: the rows with their gold, and votes that are kept."""

    project: Path
    config: Config
    task: Task
    view: View
    ballots: Ballots
    notes: list[str]
    tell: Tell

    @property
    def registry(self) -> LFRegistry:
        """The rules as they were when the task was opened."""
        return self.task.registry

    @property
    def on_error(self) -> Any:
        """What happens when a rule fails on a row."""
        return "abstain" if self.config.task.on_error == "abstain" else "raise"

    def fit(self, patterns: Any) -> Any:
        """Make and fit the configured label model."""
        from weaklabel.pipeline import fit

        outcomes = self.registry.outcome_codes()
        return fit(self.config, patterns, n_classes=len(self.registry.schema), outcomes=outcomes)

    def rule(self, name: str) -> LabelingFunction:
        """Return a rule by id or name, drafts and retired ones too."""
        from weaklabel.lf import LFRegistry

        everything = LFRegistry([*self.registry, *self.task.resting], schema=self.registry.schema)
        return everything[name]

    def votes(self, registry: LFRegistry | None = None) -> LabelMatrix:
        """Return the votes of all active rules, or of a registry's."""
        return self.ballots.cast(registry or self.registry, tell=self.tell)

    def probabilities(self, votes: LabelMatrix) -> Any:
        """Return what the label model gives to each class on each row: by the active rules that are not muted."""
        self.tell("model fits", 0, 1)
        heard = votes.keep(rule.id for rule in self.registry if not rule.muted)
        answers = self.fit(heard.patterns()).predict_proba(heard)
        self.tell("model fits", 1, 1)
        return answers


@contextlib.contextmanager
def at_work() -> Iterator[Tell]:
    """Show bars on stderr, where what rules print goes too: it is no result."""
    from weaklabel.console import progress

    with progress(sys.stderr) as tell, redirect_stdout(sys.stderr):
        yield tell


def open_bench(options: argparse.Namespace, tell: Tell, *, calibrating: bool = False) -> Bench:
    """Open the task that the options name; for calibration with the gold that is kept for it, where some is."""
    from weaklabel.explore import Ballots, View
    from weaklabel.explore.ballots import forget_old
    from weaklabel.pipeline import open_task
    from weaklabel.pipeline.task import make_applier
    from weaklabel.runs import home

    project, config = open_config(options)
    task = open_task(config, project)
    gold, notes = _gold(task, calibrating)
    rows = None if options.rows == 0 else options.rows
    view = View.read(task.corpus, gold=gold, rows=rows, seed=config.seed, tell=tell)
    folder = home(project) / "cache" / "looks"
    forget_old(folder)
    model = make_applier(task.config, task.registry, project)
    how = {"date": model.days.column, "today": model.days.today, "limits": model.limits, "cache": model.cache}
    ballots = Ballots(view, folder, how)
    return Bench(project, config, task, view, ballots, notes, tell)


def _gold(task: Task, calibrating: bool) -> tuple[Gold | None, list[str]]:
    """Return the gold that may be looked at, and what a reader should know of it."""
    from weaklabel.pipeline import open_calibration, open_gold

    own = open_calibration(task) if calibrating else None
    if own is not None:
        return own, []
    if task.config.task.gold.held_out:
        return None, [_HELD_OUT]
    gold = open_gold(task)
    if gold is None:
        return None, [_NO_GOLD]
    return gold, [_NO_PART] if calibrating else []


# ---- words and flags ----


def words_of(options: argparse.Namespace) -> list[str]:
    """Part what was typed: settings go to `options.words`, the rest is returned."""
    typed = list(options.rule)
    settings = [word for word in typed if "=" in word or word.startswith("~")]
    options.words = [*settings, *options.words]
    return [word for word in typed if word not in settings]


def usage(message: str, verb: str) -> int:
    """Say what is wrong with the words that were typed, and return the exit code."""
    say(f"usage error: {message}\n`weaklabel {verb} --help` says more")
    return USAGE


def count(text: str) -> int:
    """Read a number of rows."""
    number = int(text)
    if number < 0:
        raise argparse.ArgumentTypeError(f"{text} is less than 0")
    return number


def share(text: str) -> float:
    """Read a share."""
    number = float(text)
    if not 0 <= number <= 1:
        raise argparse.ArgumentTypeError(f"{text} is no share between 0 and 1")
    return number


def shared_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of all that look at rows."""
    what = "rows of a larger corpus to look at, drawn by their hashed ids, and all gold rows (default: 100000; 0: all)"
    parser.add_argument("--rows", metavar="N", type=count, default=100_000, help=what)


def show_first(opened: Bench, first: FirstLook, change: Any = None, before: Any = None) -> None:
    """Print what a rule does by itself, and what a save changed."""
    from weaklabel.console_rules import print_change, print_first_look

    with out_page() as out:
        if change is not None:
            print_change(change, before, first.trial, out)
        print_first_look(first.trial, opened.project, out, waits=len(first.waits))


def show_rest(opened: Bench, trial: Any) -> None:
    """Print what was left out of a first look."""
    from weaklabel.console_rules import print_rest

    with out_page() as out:
        print_rest(trial, out, notes=opened.notes)


def show_trial(
    options: argparse.Namespace, opened: Bench, trial: Any, change: Any = None, before: Any = None
) -> None:
    """Print a trial, and what a save changed."""
    from weaklabel.console_rules import print_change, print_trial

    if options.json:
        found = {**trial.to_dict(), "notes": [*opened.notes, *trial.notes]}
        print_json(found if change is None else {**found, "change": vars(change)})
        sys.stdout.flush()
        return
    with out_page() as out:
        if change is not None:
            print_change(change, before, trial, out)
        print_trial(trial, opened.project, out, notes=opened.notes)
