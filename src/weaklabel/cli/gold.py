"""`gold …`: the gold set, answers that come back, judging, consensus, and what experts settle."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from weaklabel.cli import batch
from weaklabel.cli.frame import DONE, FAILED, NOTHING, USAGE, Verb, out_page, print_json, say
from weaklabel.cli.gold_desk import batch_argument, names_flag, open_room, shown_names, told, with_names

if TYPE_CHECKING:
    import polars as pl

__all__ = ["VERBS", "open_room"]


def _status(options: argparse.Namespace) -> int:
    from weaklabel.console_gold import print_status
    from weaklabel.pipeline.desk.views import status

    found = status(open_room(options))
    if options.json:
        print_json(found)
    else:
        with out_page() as out:
            print_status(found, out)
    return DONE


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    from weaklabel.gold.ledger.records import ORIGINS, ROLES

    parser.add_argument(
        "file", metavar="FILE", type=Path, help="a table (CSV, JSONL, Parquet) with id and label"
    )
    parser.add_argument("--role", choices=[*ROLES, "removed"], required=True, help="what the items are for")
    parser.add_argument(
        "--origin", choices=ORIGINS, default="expert", help="how they were chosen (default: expert)"
    )
    parser.add_argument(
        "--expert", metavar="NAME", action="append", default=[], help="who judged them; may be repeated"
    )
    parser.add_argument("--note", metavar="TEXT", help="why, kept with the version of the set")


def _add(options: argparse.Namespace) -> int:
    from weaklabel.pipeline.desk.files import gold_records

    desk = open_room(options)
    frame = gold_records(
        options.file, desk.room.schema, role=options.role, origin=options.origin, experts=options.expert
    )
    notes = desk.add_gold(frame, note=options.note)
    return told({"notes": list(notes)}, notes, options)


def _import_arguments(parser: argparse.ArgumentParser) -> None:
    from weaklabel.gold.tools import TOOLS

    parser.add_argument(
        "tool", metavar="TOOL", choices=sorted(TOOLS), help=f"one of {', '.join(sorted(TOOLS))}"
    )
    parser.add_argument("path", metavar="PATH", type=Path, help="what the tool exported: a file or a folder")
    parser.add_argument(
        "--person",
        metavar="THEIRS=OURS",
        action="append",
        default=[],
        help="a name in the tool and the annotator it is",
    )


def _import(options: argparse.Namespace) -> int:
    from weaklabel.console import counted

    people = dict(word.split("=", 1) for word in options.person if "=" in word)
    if len(people) < len(options.person):
        say("usage error: --person is THEIRS=OURS")
        return USAGE
    added, found = open_room(options).import_answers(options.tool, options.path, people=people)
    lines = [f"{counted(added.new, 'new answer')}, {added.known} known already", *found.notes]
    if added.corrected:
        correct = "corrects an earlier one" if added.corrected == 1 else "correct earlier ones"
        lines.insert(1, f"{added.corrected} of the new ones {correct}; both are kept")
    told(
        {"new": added.new, "known": added.known, "corrected": added.corrected, "notes": list(found.notes)},
        lines,
        options,
    )
    return DONE if added.new else NOTHING


def _health(options: argparse.Namespace) -> int:
    from weaklabel.console_gold import print_health
    from weaklabel.pipeline.desk.views import health_of

    desk = open_room(options)
    found = health_of(desk, names=shown_names(options, desk))
    if options.json:
        print_json(found.to_dict())
    else:
        with out_page() as out:
            print_health(found, out)
    return DONE


def _judge_arguments(parser: argparse.ArgumentParser) -> None:
    batch_argument(parser)
    names_flag(parser)
    parser.add_argument("--dry-run", action="store_true", help="show what would go, and record nothing")


def _judge(options: argparse.Namespace) -> int:
    from weaklabel.console_gold import print_verdicts

    desk = open_room(options)
    verdicts, plan = desk.room.judge(options.batch, dry_run=options.dry_run)
    names = shown_names(options, desk)
    if options.json:
        from dataclasses import asdict

        data = {
            "verdicts": [asdict(v) for v in verdicts],
            "set_aside": plan.records.to_dicts(),
            "asked_of_others": plan.assignments.height,
            "recorded": not options.dry_run,
        }
        print_json(with_names(data, names))
    else:
        with out_page() as out:
            print_verdicts(verdicts, plan, names, out, dry_run=options.dry_run)
    return FAILED if plan.failed else DONE


def _consensus_arguments(parser: argparse.ArgumentParser) -> None:
    batch_argument(parser)
    names_flag(parser)


def _consensus(options: argparse.Namespace) -> int:
    from weaklabel.console_gold import print_consensus

    desk = open_room(options)
    found = desk.room.consensus(options.batch)
    if options.json:
        items = with_names(found.frame.to_dicts(), shown_names(options, desk))
        print_json({"counts": found.counts, "items": items})
    else:
        with out_page() as out:
            print_consensus(found, out, named=options.names)
    return DONE if found.frame.height else NOTHING


def _queue_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--write", metavar="FILE", type=Path, help="also as CSV to fill in: item, label, expert, reason"
    )


def _queue(options: argparse.Namespace) -> int:
    import polars as pl

    from weaklabel.console import print_table
    from weaklabel.console_gold import queue_rows
    from weaklabel.pipeline.desk.files import answers_side_by_side, write_queue

    desk = open_room(options)
    queue = desk.room.queue()
    texts = dict(desk.texts(queue["item"].to_list()).iter_rows())
    said = answers_side_by_side(desk.room.answers().filter(pl.col("item").is_in(queue["item"].implode())))
    if options.write is not None and queue.height:
        write_queue(queue, texts, options.write, answers=said)
    if options.json:
        print_json([{**row, "answers": said.get(row["item"])} for row in queue.to_dicts()])
    elif queue.height:
        with out_page() as out:
            header = ["item", "batch", "why", "text"]
            print_table(out, header, queue_rows(queue, texts), left=tuple(header))
    else:
        say("nothing waits for an expert")
    return DONE if queue.height else NOTHING


def _settle_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", metavar="FILE", type=Path, help="what `gold queue --write` wrote, filled in")
    parser.add_argument(
        "--batch",
        metavar="BATCH",
        help="the batch that the items are of (default: they wait for another reason)",
    )
    parser.add_argument(
        "--role", choices=["shown", "training", "check", "calibrate"], default="calibrate",
        help="what the new gold is for (default: calibrate)",
    )  # fmt: skip


def _settle(options: argparse.Namespace) -> int:
    from weaklabel.pipeline.desk.files import decisions

    desk = open_room(options)
    found = desk.room.settle(decisions(options.file), batch=options.batch, role=options.role)
    became = "item became" if found.gold.height == 1 else "items became"
    lines = [
        f"{found.gold.height} {became} gold of role {_roles(found.gold, options.role)}",
        f"{found.closed.height} left the queue",
    ]
    if found.cases.height:
        are = "is a case" if found.cases.height == 1 else "are cases"
        lines.append(f"{found.cases.height} {are} for the guideline: weaklabel guideline add-case")
    return told({"gold": found.gold.to_dicts(), "cases": found.cases.to_dicts()}, lines, options)


def _roles(gold: pl.DataFrame, wanted: str) -> str:
    """Return the roles of new gold: what an audit has drawn is of role audit, whatever was wanted."""
    return " and ".join(gold["role"].unique().sort()) if gold.height else wanted


def _versions(options: argparse.Namespace) -> int:
    from weaklabel.console_gold import print_versions
    from weaklabel.pipeline.desk.views import versions_of

    found = versions_of(open_room(options))
    if options.json:
        print_json(found)
    elif found:
        with out_page() as out:
            print_versions(found, out)
    else:
        say("the gold set has no version yet: weaklabel gold add FILE --role check")
    return DONE if found else NOTHING


def _diff_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("old", metavar="A", help="a version of the gold set, by its number")
    parser.add_argument("new", metavar="B", help="another version, or `now`")


def _diff(options: argparse.Namespace) -> int:
    from weaklabel.console_gold import print_gold_diff
    from weaklabel.pipeline.desk.views import difference

    found = difference(open_room(options), options.old, options.new)
    if options.json:
        print_json(found.to_dict())
    else:
        with out_page() as out:
            print_gold_diff(found, out)
    changed = any(frame.height for frame in (found.added, found.removed, found.relabeled, found.moved))
    return DONE if changed else NOTHING


def _due_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--queue", action="store_true", help="put the items in the experts' queue")


def _due(options: argparse.Namespace) -> int:
    from weaklabel.console_gold import print_due
    from weaklabel.pipeline.desk.views import due_of, queue_due

    desk = open_room(options)
    found = due_of(desk)
    queued = queue_due(desk, found) if options.queue else 0
    if options.json:
        print_json({"due": found.to_dicts(), "queued": queued})
    elif found.height:
        with out_page() as out:
            print_due(found, out, queued=queued if options.queue else None)
    else:
        say("no gold item is due to be looked at again")
    return DONE if found.height else NOTHING


VERBS = {
    "gold status": Verb(
        "where the gold room stands, and what to do next", "weaklabel gold status task=support", _status
    ),
    "gold add": Verb(
        "add items to the gold set, or change their role; a role that an item may not have is refused",
        'weaklabel gold add experts.csv --role check --expert eve --note "first checks"',
        _add,
        _add_arguments,
    ),
    "gold health": Verb(
        "how good the gold set is: sizes, who made it, agreement, and how it represents the corpus",
        "weaklabel gold health task=support",
        _health,
        names_flag,
    ),
    "gold import": Verb(
        "read answers from the tool that people label in; reading again changes nothing",
        "weaklabel gold import label_studio export.json --person 3=ann",
        _import,
        _import_arguments,
    ),
    "gold judge": Verb(
        "judge each person's batch by its hidden checks; set aside what fails, and ask others (exit 4 when one fails)",
        "weaklabel gold judge b1 --dry-run",
        _judge,
        _judge_arguments,
    ),
    "gold consensus": Verb(
        "what a batch's answers add up to; what is not settled goes to the experts' queue",
        "weaklabel gold consensus b1",
        _consensus,
        _consensus_arguments,
    ),
    "gold queue": Verb(
        "what waits for an expert, and why",
        "weaklabel gold queue --write queue.csv",
        _queue,
        _queue_arguments,
    ),
    "gold settle": Verb(
        "read what experts decided: items become gold and leave the queue",
        "weaklabel gold settle queue.csv --batch b1 --role training",
        _settle,
        _settle_arguments,
    ),
    "gold versions": Verb(
        "the versions of the gold set: when each was recorded, why, and with how many items",
        "weaklabel gold versions task=support",
        _versions,
    ),
    "gold diff": Verb(
        "what changed from one version of the gold set to another (exit 3 when nothing did)",
        "weaklabel gold diff 2 now",
        _diff,
        _diff_arguments,
    ),
    "gold due": Verb(
        "gold that it is time to look at again; --queue puts it in the experts' queue",
        "weaklabel gold due --queue",
        _due,
        _due_arguments,
    ),
    **batch.VERBS,
}
