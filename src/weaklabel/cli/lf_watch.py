"""`lf try --watch`: a rule is tried again whenever a file of its folder is saved."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from contextlib import redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from weaklabel.cli.frame import DONE, say
from weaklabel.cli.lf_bench import Bench, at_work, open_bench, show_first, show_rest, show_trial
from weaklabel.errors import WeakLabelError

if TYPE_CHECKING:
    from weaklabel.explore import Change, FirstLook, Trial
    from weaklabel.label_matrix import LabelMatrix
    from weaklabel.lf import LFRegistry

POLL_SECONDS = 0.2
FEW_ROWS = 64
IDLE_SECONDS = 60.0
"""How long, after each round, the other rules go on voting on further rows while nothing is saved."""
IDLE_STEP = 0.2
"""Seconds of that between two looks at the files."""


@dataclass
class _Watch:
    """What a watch knows: the files as they were, the last look, and what may still be voted on."""

    options: argparse.Namespace
    opened: Bench
    name: str
    folder: Path
    seen: dict[str, tuple[int, int]]
    before: tuple[Trial, LabelMatrix] | None = None
    rest: LFRegistry | None = None
    idle: float = 0.0
    looked: float = field(default_factory=time.monotonic)

    def saved(self) -> bool:
        """Say whether a file is other than it was when the round began."""
        return stamps(self.folder) != self.seen

    def saved_meanwhile(self) -> bool:
        """The same, asked often: files are looked at now and then."""
        if time.monotonic() - self.looked < POLL_SECONDS:
            return False
        self.looked = time.monotonic()
        return self.saved()


def watch(
    options: argparse.Namespace,
    name: str,
    *,
    wait: Callable[[float], None] = time.sleep,
    rounds: int | None = None,
) -> int:
    """Try a rule, and again after each save, until Ctrl-C (or so many rounds); errors are shown and do not end it."""
    with at_work() as tell:
        opened = open_bench(options, tell)
    folder = opened.project / opened.config.task.rules
    watched = _Watch(options, opened, name, folder, stamps(folder))
    try:
        _round(watched)
        _warm_up(opened, name)
        while rounds is None or rounds > 0:
            wait(POLL_SECONDS)
            now = stamps(folder)
            if now == watched.seen:
                _use_the_time(watched)
                continue
            watched.seen = now
            rounds = None if rounds is None else rounds - 1
            _round(watched, reload=True)
    except KeyboardInterrupt:
        say("watched no longer")
    finally:
        opened.ballots.save()
    return DONE


def _use_the_time(watched: _Watch) -> None:
    """Let the other rules vote on rows that the next save may ask them about."""
    if watched.rest is None:
        return
    started = time.monotonic()
    try:
        with redirect_stdout(sys.stderr):
            done = watched.opened.ballots.go_on(watched.rest, seconds=IDLE_STEP)
    except WeakLabelError:  # told when their votes are wanted
        done = True
    watched.idle -= time.monotonic() - started
    if done or watched.idle <= 0:
        watched.rest = None
        watched.opened.ballots.save()


def _warm_up(opened: Bench, name: str) -> None:
    """Let the rule vote on a few rows, anew: what is loaded for that is at hand when the first save comes."""
    from weaklabel.apply import LFApplier
    from weaklabel.explore.trial import with_rule
    from weaklabel.lf import LFRegistry

    try:
        rule, registry = with_rule(opened.registry, opened.rule(name))
        alone = LFRegistry([rule], schema=registry.schema)
        LFApplier(alone, on_error="abstain").apply(opened.view.frame.head(FEW_ROWS))
    except WeakLabelError:  # the round has shown it
        return


def stamps(folder: Path) -> dict[str, tuple[int, int]]:
    """Return size and time of change of every file of a folder; editors' hidden files are left out."""
    found = {}
    for path in sorted(folder.rglob("*")):
        hidden = path.name.startswith(".") or path.name.endswith("~") or "__pycache__" in path.parts
        try:
            if path.is_file() and not hidden:
                stat = path.stat()
                found[str(path)] = (stat.st_size, stat.st_mtime_ns)
        except OSError:  # gone between the listing and the look
            continue
    return found


def _round(watched: _Watch, *, reload: bool = False) -> None:
    """Try once and print; a save while the others vote ends the round, since the next one knows more."""
    from weaklabel.explore import StoppedError

    started = time.perf_counter()
    try:
        first, registry = _first(watched, reload)
        change, old = _change(watched, first)
        watched.before = first.trial, first.votes
        early = bool(first.waits) and not watched.options.json
        if early:
            show_first(watched.opened, first, change, old)
            say(f"{time.perf_counter() - started:.2f} s; the other rules vote on these rows …\n")
        with at_work() as tell:
            trial = first.finish(tell=tell, stop=watched.saved_meanwhile)
    except WeakLabelError as error:
        say(f"error: {error}\n(waiting for the next save)\n")
        return
    except StoppedError:
        return
    watched.rest, watched.idle = registry, IDLE_SECONDS
    if early:
        show_rest(watched.opened, trial)
    else:
        show_trial(watched.options, watched.opened, trial, change, old)
    say(f"{time.perf_counter() - started:.2f} s; waiting for the next save (Ctrl-C ends)\n")


def _first(watched: _Watch, reload: bool) -> tuple[FirstLook, LFRegistry]:
    """Read the rules anew, where they were saved, and let the one that is watched vote."""
    from weaklabel.explore import first_look
    from weaklabel.explore.trial import with_rule
    from weaklabel.pipeline import open_registry

    opened = watched.opened
    with at_work() as tell:
        everything = open_registry(opened.config, opened.project) if reload else None
        rule = everything[watched.name] if everything else opened.rule(watched.name)
        _, registry = with_rule(everything.active() if everything else opened.registry, rule)
        first = first_look(
            rule,
            registry,
            opened.view,
            ballots=opened.ballots,
            examples=watched.options.examples,
            on_error=opened.on_error,
            tell=tell,
        )
    return first, registry


def _change(watched: _Watch, first: FirstLook) -> tuple[Change | None, Trial | None]:
    """Return what a save changed in the rule's votes, and the look before it."""
    from weaklabel.explore import changes

    if watched.before is None:
        return None, None
    trial, votes = watched.before
    id = first.trial.rule["id"]
    if id not in votes.labelers:
        return None, trial
    return changes(votes, first.votes, id, watched.opened.view), trial
