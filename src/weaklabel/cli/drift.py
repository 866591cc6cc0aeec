"""`audit reference`, `audit drift`, `audit rules`: what has changed, and which rules to mend."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
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
from weaklabel.cli.gold_desk import WITHOUT, told

if TYPE_CHECKING:
    from rich.console import Console

    from weaklabel.audit.drift import Change
    from weaklabel.audit.rule_health import RuleHealth
    from weaklabel.pipeline.audits.drift import Drifted
    from weaklabel.pipeline.audits.drift_rules import RulesHealth
    from weaklabel.stats import Estimate
    from weaklabel.tracking import TrackingError

_SHOWN = 20


def _run_argument(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--run", metavar="RUN", default="last", help="the run (default: last)")


def _parts_arguments(parser: argparse.ArgumentParser, what: str) -> None:
    parser.add_argument("--by", metavar="COLUMN", help=f"{what}: a column of the corpus, or shard")
    parser.add_argument(
        "--every", choices=("day", "week", "month", "year"), default="month",
        help="window that times are put into (default: month)",
    )  # fmt: skip


def _reference(options: argparse.Namespace) -> int:
    from weaklabel.pipeline.audits.drift import store_reference

    project, config = open_config(options, without=WITHOUT)
    found = store_reference(config, project, run=options.run)
    lines = [found.sentence, *(f"! {note}" for note in found.notes), f"written to {found.path}"]
    return told(found.to_dict(), lines, options)


def _drift_arguments(parser: argparse.ArgumentParser) -> None:
    _run_argument(parser)
    _parts_arguments(parser, "compare the run's parts with each other instead of with the reference")
    parser.add_argument(
        "--again", metavar="ROWS", type=int, default=0,
        help="run the rules again on so many rows, and see whether they vote as stored",
    )  # fmt: skip
    parser.add_argument(
        "--level", metavar="P", type=float, default=0.05,
        help="chance of any alarm when nothing has changed (default: 0.05)",
    )  # fmt: skip
    parser.add_argument("--all", action="store_true", help="show every comparison, not only the first 20")


def _drift(options: argparse.Namespace) -> int:
    from weaklabel.pipeline.audits.drift import drift_of_run
    from weaklabel.pipeline.audits.drift_parts import drift_within

    if options.again < 0 or (options.again and options.by):
        say("usage error: --again is a number of rows, and goes without --by")
        return USAGE
    project, config = open_config(options, without=WITHOUT)
    if options.by:
        found: Drifted | None = drift_within(
            config, project, options.by, run=options.run, every=options.every, level=options.level
        )
    else:
        found = drift_of_run(config, project, run=options.run, level=options.level, again=options.again)
    if found is None:
        hint = "weaklabel audit reference"
        lines = [f"no reference of task {config.task.name!r} yet: {hint} stores what a run is like"]
        told({"reference": None, "next": hint}, lines, options)
        return NOTHING
    if options.json:
        print_json(found.to_dict())
    else:
        with out_page() as out:
            _print_drift(found, out, None if options.all else _SHOWN)
    return FAILED if found.alarm else _after_logging(found.tracking_error)


def _rules_arguments(parser: argparse.ArgumentParser) -> None:
    _run_argument(parser)
    _parts_arguments(parser, "also count each rule's votes over parts")
    parser.add_argument(
        "--floor", metavar="P", type=float, default=0.7,
        help="precision that every rule should have (default: 0.7)",
    )  # fmt: skip
    parser.add_argument(
        "--check", action="store_true", help="exit 4 when a rule is to be mended or retired (default: 0)"
    )


def _rules(options: argparse.Namespace) -> int:
    from weaklabel.audit.rule_health import HealthLimits
    from weaklabel.pipeline.audits.drift_rules import health_of_rules

    if not 0 < options.floor < 1:
        say("usage error: --floor is between 0 and 1")
        return USAGE
    project, config = open_config(options)
    found = health_of_rules(
        config,
        project,
        run=options.run,
        limits=HealthLimits(floor=options.floor),
        by=options.by,
        every=options.every,
    )
    if options.json:
        print_json(found.to_dict())
    else:
        with out_page() as out:
            _print_rules(found, out)
    if options.check and found.health.alarm:
        return FAILED
    return _after_logging(found.tracking_error)


def _print_drift(found: Drifted, out: Console, most: int | None) -> None:
    from weaklabel.console import print_table

    out.print(f"run {found.run}: {found.against}\n", style="bold", soft_wrap=True)
    for sentence in found.found.sentences():
        out.print(f"- {sentence}", soft_wrap=True)
    if found.again is not None:
        out.print(f"- {found.again.sentence()}", soft_wrap=True)
    changes = found.found.drift.changes[:most]
    header = ["what", "of", "part", "before", "now", "adjusted p", "", "seen from"]
    out.print()
    print_table(out, header, [_change(c) for c in changes], left=("of", "part", ""), drop=("seen from",))
    left = len(found.found.drift.changes) - len(changes)
    if left:
        out.print(f"and {left} more comparisons: --all shows them", soft_wrap=True)
    out.print("seen from: the relative change that would be seen 9 times in 10", style="dim", soft_wrap=True)
    _notes(found.notes, out)


def _change(change: Change) -> list[str]:
    from math import isnan

    shares = ["" if v is None else f"{100 * v:.1f} %" for v in (change.before, change.after)]
    p = "too few" if isnan(change.p) else "< 0.001" if change.adjusted < 0.001 else f"{change.adjusted:.3f}"
    seen = "" if change.detectable is None else f"{100 * change.detectable:.0f} %"
    return [change.kind, change.name, change.part or "", *shares, p, "alarm" if change.alarm else "", seen]


def _print_rules(found: RulesHealth, out: Console) -> None:
    from weaklabel.audit.rule_health import KEEP
    from weaklabel.console import print_table

    out.print(f"run {found.run}: {found.verdict}\n", style="bold", soft_wrap=True)
    header = ["rule", "verdict", "right on gold", "interval", "gold", "agrees", "fires on"]
    print_table(out, header, [_rule(rule) for rule in found.health.rules], left=("verdict",))
    out.print(
        "right on gold: against adjudicated gold, weighted by design; --json says more",
        style="dim",
        soft_wrap=True,
    )
    doubtful = [rule for rule in found.health.rules if rule.verdict != KEEP]
    if doubtful:
        out.print()
    for rule in doubtful:
        out.print(f"- {rule.sentence()}", soft_wrap=True)
    if found.over is not None:
        out.print()
        wide = found.over.pivot(on="part", index=["rule", "label"], values="share", sort_columns=True)
        parts = wide.columns[2:]
        rows = [
            [r, lab, *(f"{100 * v:.1f} %" for v in shares)]
            for r, lab, *shares in wide.iter_rows()
            if any(shares)
        ]
        print_table(out, ["votes", "for", *parts], rows, left=("for",))
    _notes(found.notes, out)


def _rule(rule: RuleHealth) -> list[str]:
    precision = rule.precision
    shown = "" if precision.value is None else f"{100 * precision.value:.1f} %"
    ends = (
        ""
        if precision.low is None or precision.high is None
        else f"{100 * precision.low:.1f} to {100 * precision.high:.1f} %"
    )
    return [
        rule.rule,
        rule.verdict,
        shown,
        ends,
        f"{precision.n:,}",
        _share(rule.agreement),
        f"{100 * rule.coverage:.1f} %",
    ]


def _share(estimate: Estimate) -> str:
    return "" if estimate.value is None else f"{100 * estimate.value:.1f} %"


def _notes(notes: Sequence[str], out: Console) -> None:
    for note in notes:
        out.print(f"! {note}", style="yellow", soft_wrap=True)


def _after_logging(error: TrackingError | None) -> int:
    if error is None:
        return DONE
    say(f"not logged: {error}")
    return PARTLY


VERBS = {
    "audit reference": Verb(
        "store what a run's votes, labels and texts are like, for `audit drift`",
        "weaklabel audit reference --run last",
        _reference,
        _run_argument,
    ),
    "audit drift": Verb(
        "what has changed since the reference, or over a run's parts (exit 4 on an alarm, 3 without a reference)",
        "weaklabel audit drift --by sent_at --every month",
        _drift,
        _drift_arguments,
    ),
    "audit rules": Verb(
        "how each rule does on gold: keep, mend or retire (exit 0 whatever is said; 4 with --check)",
        "weaklabel audit rules --floor 0.8",
        _rules,
        _rules_arguments,
    ),
}
