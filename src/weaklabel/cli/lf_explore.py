"""`lf try`, `lf report`, `lf errors`, `lf suggest`: seeing what rules do."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from weaklabel.cli import lf_bins
from weaklabel.cli.frame import DONE, NOTHING, Verb, out_page, print_json
from weaklabel.cli.lf_bench import (
    at_work,
    count,
    open_bench,
    share,
    shared_arguments,
    show_first,
    show_rest,
    show_trial,
    usage,
    words_of,
)
from weaklabel.cli.lf_watch import watch
from weaklabel.errors import RuleError

if TYPE_CHECKING:
    from weaklabel.lf import LabelingFunction, LFRegistry

_TYPED = "typed"


def _rule_argument(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("rule", metavar="RULE", nargs="*", help="id or name of a rule")


def _examples_argument(parser: argparse.ArgumentParser, default: int, what: str) -> None:
    help = f"{what} (default: {default})"
    parser.add_argument("--examples", metavar="N", type=count, default=default, help=help)


# ---- lf try ----


def try_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `lf try`."""
    _rule_argument(parser)
    typed = parser.add_argument_group("a rule typed here instead of RULE")
    kind = typed.add_mutually_exclusive_group()
    kind.add_argument("--keywords", metavar="TERMS", help="words and phrases, with commas between them")
    kind.add_argument("--regex", metavar="PATTERN", help="a regular expression of Python's re")
    kind.add_argument("--sql", metavar="CONDITION", help="a SQL condition on the columns")
    typed.add_argument("--label", help="the label it votes for")
    typed.add_argument("--field", help="the column it reads (default: text)")
    typed.add_argument(
        "--case", choices=("ignore", "sensitive", "lower"), help="of letters (default: the kind's own)"
    )
    typed.add_argument("--accents", choices=("keep", "ignore"), help="of keywords (default: keep)")
    parser.add_argument(
        "--watch", action="store_true", help="try again whenever a file of the rules is saved; Ctrl-C ends"
    )
    _examples_argument(parser, 5, "rows shown of each kind")
    shared_arguments(parser)


def lf_try(options: argparse.Namespace) -> int:
    """Show what one rule does."""
    from weaklabel.explore import first_look

    names = words_of(options)
    given = [name for name in ("keywords", "regex", "sql") if getattr(options, name) is not None]
    if len(names) + len(given) != 1:
        return usage("one RULE, or one of --keywords, --regex and --sql", "lf try")
    if given and not options.label:
        return usage(f"--{given[0]} needs --label", "lf try")
    if options.watch and given:
        return usage("--watch follows a rule in a file, not one that is typed here", "lf try")
    if options.watch:
        return watch(options, names[0])
    with at_work() as tell:
        opened = open_bench(options, tell)
        rule = typed_rule(options, opened.registry) if given else opened.rule(names[0])
        first = first_look(
            rule,
            opened.registry,
            opened.view,
            ballots=opened.ballots,
            examples=options.examples,
            on_error=opened.on_error,
            tell=tell,
        )
    early = bool(first.waits) and sys.stdout.isatty() and not options.json
    if early:
        show_first(opened, first)
    with at_work() as tell:
        trial = first.finish(tell=tell)
    if early:
        show_rest(opened, trial)
    else:
        show_trial(options, opened, trial)
    return DONE


def typed_rule(options: argparse.Namespace, registry: LFRegistry) -> LabelingFunction:
    """Return the rule that was typed on the command line."""
    from weaklabel.lf import Source, keywords, regex, where

    meta: dict[str, Any] = {"label": options.label, "source": Source("command line", 1)}
    taken = {"case": options.case, "field": options.field, "accents": options.accents}
    chosen = {name: value for name, value in taken.items() if value is not None}
    if options.sql is not None:
        _refuse(chosen, "a SQL condition")
        return where(_TYPED, options.sql, **meta)
    if options.regex is not None:
        _refuse({k: v for k, v in chosen.items() if k == "accents"}, "a regex")
        return regex(_TYPED, options.regex, **meta, **chosen)
    terms = [term.strip() for term in options.keywords.split(",") if term.strip()]
    return keywords(_TYPED, terms, **meta, **chosen)


def _refuse(options: dict[str, str], kind: str) -> None:
    if options:
        raise RuleError(f"--{next(iter(options))} is not for {kind}")


# ---- lf report ----


def report_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `lf report`."""
    parser.add_argument(
        "--html", metavar="FILE", type=Path, help="where the page goes (default: below .weaklabel/)"
    )
    parser.add_argument(
        "--no-contribution",
        action="store_true",
        help="leave out what becomes of the labels without each rule, which fits the model once for each",
    )
    shared_arguments(parser)


def lf_report(options: argparse.Namespace) -> int:
    """Show all rules side by side, in a table and on a page."""
    from weaklabel.console_rules import print_overview
    from weaklabel.explore import overview
    from weaklabel.report.rules_page import write_rules_page
    from weaklabel.runs import home

    with at_work() as tell:
        opened = open_bench(options, tell)
        found = overview(
            opened.votes(),
            opened.registry,
            opened.view,
            opened.fit,
            contribution=not options.no_contribution,
            seed=opened.config.seed,
            tell=opened.tell,
        )
        name = opened.config.task.name
        page = options.html or home(opened.project) / "reports" / f"rules-{name}.html"
        write_rules_page(found, page, title=f"Rules of {name}", notes=opened.notes, folder=opened.project)
    if options.json:
        print_json({**found.to_dict(), "notes": [*opened.notes, *found.notes], "page": str(page)})
    else:
        with out_page() as out:
            print_overview(found, page, out, notes=opened.notes)
    return DONE


# ---- lf errors ----


def errors_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `lf errors`."""
    _rule_argument(parser)
    parser.add_argument(
        "--threshold",
        metavar="P",
        type=share,
        default=0.9,
        help="how sure of another label the model has to be on a row without gold (default: 0.9)",
    )
    _examples_argument(parser, 20, "rows shown")
    shared_arguments(parser)


def lf_errors(options: argparse.Namespace) -> int:
    """Show the rows on which a rule is wrong."""
    from weaklabel.console_rules import print_mistakes
    from weaklabel.explore import mistakes
    from weaklabel.explore.trial import with_rule

    names = words_of(options)
    if len(names) != 1:
        return usage("one RULE", "lf errors")
    with at_work() as tell:
        opened = open_bench(options, tell)
        rule, registry = with_rule(opened.registry, opened.rule(names[0]))
        votes = opened.votes(registry)
        found = mistakes(
            rule,
            registry,
            opened.view,
            votes,
            probabilities=opened.probabilities(votes),
            threshold=options.threshold,
            most=options.examples,
        )
    if options.json:
        print_json({**found.to_dict(), "notes": [*opened.notes, *found.notes]})
    else:
        with out_page() as out:
            print_mistakes(found, opened.project, out, notes=opened.notes)
    return DONE


# ---- lf suggest ----


def suggest_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `lf suggest`."""
    parser.add_argument(
        "--label", action="append", help="a class to find terms for; may be given again (default: all)"
    )
    parser.add_argument(
        "--by",
        choices=("gold", "model"),
        help="what says which class a row has (default: gold where 50 rows have it)",
    )
    what = "least share of right rows of a term (default: 0.6)"
    parser.add_argument("--least", metavar="P", type=share, default=0.6, help=what)
    parser.add_argument(
        "--most", metavar="N", type=count, default=10, help="most terms of a class (default: 10)"
    )
    shared_arguments(parser)


def lf_suggest(options: argparse.Namespace) -> int:
    """Show words and phrases that speak for a class and that no rule knows."""
    from weaklabel.console_rules import print_suggestions
    from weaklabel.explore import suggest
    from weaklabel.explore.suggested import to_yaml

    with at_work() as tell:
        opened = open_bench(options, tell)
        votes = opened.votes()
        found = suggest(
            opened.registry,
            opened.view,
            votes,
            probabilities=opened.probabilities(votes),
            labels=options.label,
            by=options.by,
            most=options.most,
            least=options.least,
            tell=opened.tell,
        )
    if options.json:
        print_json({**found.to_dict(), "notes": [*opened.notes, *found.notes]})
    else:
        with out_page() as out:
            print_suggestions(found, to_yaml(found.found), out, notes=opened.notes)
    return DONE if found.found or found.hints else NOTHING


VERBS = {
    "lf try": Verb(
        "see what one rule does: hits, precision, conflicts, near misses, with the matched words",
        "weaklabel lf try wants_refund task=support\n"
        '  weaklabel lf try --keywords "refund, money back" --label returns task=support\n'
        "  weaklabel lf try wants_refund --watch",
        lf_try,
        try_arguments,
    ),
    "lf report": Verb(
        "see all rules side by side, what they add, and what none of them covers",
        "weaklabel lf report task=support",
        lf_report,
        report_arguments,
    ),
    "lf errors": Verb(
        "see the rows on which a rule is wrong, by gold or against a confident label model",
        "weaklabel lf errors wants_refund task=support",
        lf_errors,
        errors_arguments,
    ),
    "lf suggest": Verb(
        "see words and phrases that speak for a class and that no rule knows; nothing is added",
        "weaklabel lf suggest task=support --label returns",
        lf_suggest,
        suggest_arguments,
    ),
    **lf_bins.VERBS,
}
