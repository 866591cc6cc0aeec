"""`lf bins`: a score rule whose bins come from gold."""

from __future__ import annotations

import argparse

from weaklabel.cli.frame import DONE, NOTHING, Verb, out_page, print_json
from weaklabel.cli.lf_bench import at_work, count, open_bench, share, shared_arguments, usage, words_of


def bins_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `lf bins`."""
    parser.add_argument(
        "rule", metavar="COLUMN", nargs="*", help="a column of numbers, or a feature that gives numbers"
    )
    parser.add_argument(
        "--precision",
        metavar="P",
        type=share,
        default=0.9,
        help="least share of a bin's rows that must be of its label, by the lower end of its interval (default: 0.9)",
    )
    parser.add_argument(
        "--most", metavar="N", type=count, default=20, help="most bins that are tried (default: 20)"
    )
    shared_arguments(parser)


def lf_bins(options: argparse.Namespace) -> int:
    """Show bins of a column in which a label is right often enough, and the rule to paste."""
    from weaklabel.console_rules import print_bins
    from weaklabel.explore.bins import find_bins

    names = words_of(options)
    if len(names) != 1:
        return usage("one COLUMN", "lf bins")
    if options.most < 1:
        return usage("--most is at least 1", "lf bins")
    with at_work() as tell:
        opened = open_bench(options, tell, calibrating=True)
        found = find_bins(
            names[0], opened.registry, opened.view, precision=options.precision, most=options.most
        )
    if options.json:
        print_json({**found.to_dict(), "notes": [*opened.notes, *found.notes]})
    else:
        with out_page() as out:
            print_bins(found, out, notes=opened.notes)
    return DONE if found.found else NOTHING


VERBS = {
    "lf bins": Verb(
        "turn a column of numbers into a score rule: bins in which gold says that a label is right; nothing is added",
        "weaklabel lf bins p_returns task=support task.gold.calibrate=0.5\n"
        "  weaklabel lf bins n_words --precision 0.8",
        lf_bins,
        bins_arguments,
    ),
}
