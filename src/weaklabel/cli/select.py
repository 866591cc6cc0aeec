"""`select`, `check-labels` and `similar`: which rows people are asked about next, and why."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from weaklabel.cli.frame import DONE, NOTHING, USAGE, Verb, open_config, out_page, print_json, say

if TYPE_CHECKING:
    from rich.console import Console

    from weaklabel.pipeline.select import Chosen, Labeled

_WITHOUT = ["task.gold.path"]
_SHOWN = 20


def _run_flag(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--run", metavar="RUN", default="last", help="the run (its id; default: last)")


def _embeddings_flag(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--embeddings",
        metavar="COLUMN",
        help="column with vectors of the texts (default: words are compared)",
    )


def _select_arguments(parser: argparse.ArgumentParser) -> None:
    from weaklabel.audit.scores import STRATEGIES
    from weaklabel.audit.selected import EVEN, USES

    usual = " ".join(f"{use}={share:g}" for use, share in EVEN.items())
    parser.add_argument("batch", metavar="BATCH", help="the batch's name")
    parser.add_argument("--budget", metavar="N", type=int, required=True, help="labels to spend")
    parser.add_argument(
        "--use", metavar="USE=SHARE", action="append", default=[],
        help=f"what labels are spent on, in proportion: {', '.join(USES)}; may be repeated (default: {usual})",
    )  # fmt: skip
    parser.add_argument(
        "--strategy", choices=sorted(STRATEGIES), action="append", default=[],
        help="how rows to learn from are told; may be repeated (default: all that there is enough for)",
    )  # fmt: skip
    parser.add_argument(
        "--rare", metavar="LABEL", action="append", default=[],
        help="a rare label; may be repeated (default: those that under 5%% of rows have)",
    )  # fmt: skip
    parser.add_argument("--dry-run", action="store_true", help="say what it would be, and record nothing")
    _embeddings_flag(parser)
    _run_flag(parser)


def _select(options: argparse.Namespace) -> int:
    from weaklabel.audit.selected import EVEN, Wishes
    from weaklabel.pipeline.select import choose_next, open_labeled

    uses = _shares(options.use)
    if uses is None:
        return USAGE
    wishes = Wishes(uses=uses or dict(EVEN), strategies=tuple(options.strategy), rare=tuple(options.rare))
    project, config = open_config(options, without=_WITHOUT)
    rows = open_labeled(config, project, run=options.run)
    found = choose_next(
        rows,
        project,
        options.batch,
        options.budget,
        wishes=wishes,
        seed=config.seed,
        embeddings=options.embeddings,
        dry=options.dry_run,
    )
    if options.json:
        print_json({"run": rows.run, **found.to_dict()})
    else:
        with out_page() as out:
            _print_chosen(found, rows, out)
    return DONE


def _shares(words: list[str]) -> dict[str, float] | None:
    found = {}
    for word in words:
        use, _, share = word.partition("=")
        try:
            found[use] = float(share) if share else 1.0
        except ValueError:
            say(f"usage error: --use takes a use and its share, learning=2, not {word!r}")
            return None
    return found


def _print_chosen(found: Chosen, rows: Labeled, out: Console) -> None:
    from weaklabel.audit.selected import Selection
    from weaklabel.console import print_table

    for sentence in found.found.sentences:
        out.print(sentence, soft_wrap=True)
    frame = found.found.frame
    if isinstance(found.found, Selection):
        lines = [
            [row["id"], row["use"], f"{row['inclusion']:.3f}", row["why"]]
            for row in frame.head(_SHOWN).iter_rows(named=True)
        ]
        names = ["row", "for", "chance", "why"]
    else:
        lines = [
            [row["id"], row["given"] or "none", row["better"], f"{row['chance']:.2f}", row["why"]]
            for row in frame.head(_SHOWN).iter_rows(named=True)
        ]
        names = ["row", "label", "likelier", "chance", "why"]
    if lines:
        out.print()
        print_table(out, names, lines, left=("row", "for", "label", "likelier", "why"))
        if frame.height > _SHOWN:
            out.print(f"… {frame.height - _SHOWN:,} more")
    for note in found.notes:
        out.print(f"note: {note}", soft_wrap=True)
    if found.folder is not None:
        out.print(f"\nrows  {found.folder / 'rows.csv'}", soft_wrap=True)
        out.print(f"next  {found.next}", soft_wrap=True)


def _check_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("column", metavar="COLUMN", help="the column of the corpus that holds labels")
    parser.add_argument(
        "--send",
        metavar="BATCH",
        help="send the most doubtful to people as a batch, with their labels as suggestions",
    )
    parser.add_argument(
        "--most", metavar="N", type=int, default=200, help="rows that are sent at most (default: 200)"
    )
    _run_flag(parser)


def _check(options: argparse.Namespace) -> int:
    from weaklabel.pipeline.select import check_column, open_labeled

    if options.most < 1:
        say("usage error: --most is 1 or more")
        return USAGE
    project, config = open_config(options, without=_WITHOUT)
    rows = open_labeled(config, project, run=options.run, committee=False)
    found = check_column(rows, project, options.column, batch=options.send, most=options.most)
    if options.json:
        print_json({"run": rows.run, **found.to_dict()})
    else:
        with out_page() as out:
            _print_chosen(found, rows, out)
    return DONE if found.found.frame.height else NOTHING


def _similar_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--id", metavar="ID", required=True, help="the row that others are compared with")
    parser.add_argument(
        "--most", metavar="N", type=int, default=10, help="rows to show at most (default: 10)"
    )
    _embeddings_flag(parser)


def _similar(options: argparse.Namespace) -> int:
    from weaklabel.console import print_table
    from weaklabel.pipeline.select import find_similar

    project, config = open_config(options, without=_WITHOUT)
    texts, found = find_similar(config, project, options.id, most=options.most, embeddings=options.embeddings)
    text = dict(texts.iter_rows())
    if options.json:
        print_json({"id": options.id, "similar": [{**one.to_dict(), "text": text[one.id]} for one in found]})
        return DONE if found else NOTHING
    with out_page() as out:
        out.print(f"{options.id}: {_short(text[options.id])}\n", style="bold", soft_wrap=True)
        rows = [
            [one.id, f"{one.cosine:.2f}", ", ".join(word for word, _ in one.words), _short(text[one.id])]
            for one in found
        ]
        if rows:
            print_table(out, ["row", "alike", "both with", "text"], rows, left=("row", "both with", "text"))
        else:
            out.print("no other row has anything in common with it")
    return DONE if found else NOTHING


def _short(text: str | None) -> str:
    return (text or "").replace("\n", " ")[:80]


VERBS = {
    "select": Verb(
        "the next rows for people: one budget for figures, learning, coverage, rare labels and suspected errors",
        "weaklabel select may --budget 200 --use audit=4 --use learning=3 --use coverage=3",
        _select,
        _select_arguments,
    ),
    "similar": Verb(
        "rows like a given one, by their words or given embeddings",
        "weaklabel similar --id s0001",
        _similar,
        _similar_arguments,
    ),
    "check-labels": Verb(
        "labels that exist already, held against a run: likely wrong ones, likely missing ones, and the evidence",
        "weaklabel check-labels label --send doubts --most 100",
        _check,
        _check_arguments,
    ),
}
