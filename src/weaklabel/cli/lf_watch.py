"""`lf try --watch`: a rule is tried again whenever a file of its folder is saved."""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from weaklabel.cli.frame import DONE, say
from weaklabel.cli.lf_bench import Bench, at_work, open_bench, show_trial
from weaklabel.errors import WeakLabelError

POLL_SECONDS = 0.2
FEW_ROWS = 64


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
    seen = stamps(folder)
    before = _round(options, opened, name, None)
    try:
        _warm_up(opened, name)
        while rounds is None or rounds > 0:
            wait(POLL_SECONDS)
            now = stamps(folder)
            if now == seen:
                continue
            seen = now
            rounds = None if rounds is None else rounds - 1
            before = _round(options, opened, name, before, reload=True)
    except KeyboardInterrupt:
        say("watched no longer")
    return DONE


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


def _round(
    options: argparse.Namespace, opened: Bench, name: str, before: Any, *, reload: bool = False
) -> Any:
    """Try once, print, and return what the next round compares itself with; after an error, what was there before."""
    from weaklabel.explore import changes, try_rule
    from weaklabel.explore.trial import with_rule
    from weaklabel.pipeline import open_registry

    started = time.perf_counter()
    try:
        with at_work() as tell:
            everything = open_registry(opened.config, opened.project) if reload else None
            rule = everything[name] if everything else opened.rule(name)
            _, registry = with_rule(everything.active() if everything else opened.registry, rule)
            trial = try_rule(
                rule,
                registry,
                opened.view,
                ballots=opened.ballots,
                examples=options.examples,
                on_error=opened.on_error,
                tell=tell,
            )
            votes = opened.ballots.cast(registry)
    except WeakLabelError as error:
        say(f"error: {error}\n(waiting for the next save)\n")
        return before
    change = None
    if before is not None and rule.id in before[1].labelers:
        change = changes(before[1], votes, rule.id, opened.view)
    show_trial(options, opened, trial, change, before[0] if before else None)
    say(f"{time.perf_counter() - started:.2f} s; waiting for the next save (Ctrl-C ends)\n")
    return trial, votes
