"""`gold …`, `batch …` and `training …`: the loop of people from gold to batches and back to gold."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from weaklabel.cli.frame import DONE, FAILED, NOTHING, Verb, open_config, out_page, print_json, say

if TYPE_CHECKING:
    from weaklabel.pipeline.gold_room import Desk

_WITHOUT = ["task.gold.path"]


def open_room(options: argparse.Namespace) -> Desk:
    """Open the gold room of the task that the settings name."""
    from weaklabel.pipeline.gold_room import open_desk

    project, config = open_config(options, without=_WITHOUT)
    return open_desk(config, project)


# ---- gold ----


def _status(options: argparse.Namespace) -> int:
    from weaklabel.console_gold import print_status
    from weaklabel.pipeline.gold_room import status

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
    from weaklabel.pipeline.gold_room import gold_records

    desk = open_room(options)
    frame = gold_records(
        options.file, desk.room.schema, role=options.role, origin=options.origin, experts=options.expert
    )
    notes = desk.add_gold(frame, note=options.note)
    return _told({"notes": list(notes)}, notes, options)


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
    people = dict(word.split("=", 1) for word in options.person if "=" in word)
    if len(people) < len(options.person):
        say("usage error: --person is THEIRS=OURS")
        return 2
    added, found = open_room(options).import_answers(options.tool, options.path, people=people)
    lines = [f"{added.new} new answers, {added.known} known already", *found.notes]
    if added.corrected:
        lines.insert(1, f"{added.corrected} of the new ones correct earlier ones; both are kept")
    _told(
        {"new": added.new, "known": added.known, "corrected": added.corrected, "notes": list(found.notes)},
        lines,
        options,
    )
    return DONE if added.new else NOTHING


def _health(options: argparse.Namespace) -> int:
    from weaklabel.console_gold import print_health
    from weaklabel.pipeline.gold_room import health_of

    found = health_of(open_room(options))
    if options.json:
        print_json(found.to_dict())
    else:
        with out_page() as out:
            print_health(found, out)
    return DONE


def _batch_argument(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("batch", metavar="BATCH", help="the batch's name")


def _judge_arguments(parser: argparse.ArgumentParser) -> None:
    _batch_argument(parser)
    parser.add_argument("--dry-run", action="store_true", help="show what would go, and record nothing")


def _judge(options: argparse.Namespace) -> int:
    from weaklabel.console_gold import print_verdicts

    desk = open_room(options)
    verdicts, plan = desk.room.judge(options.batch, dry_run=options.dry_run)
    if options.json:
        from dataclasses import asdict

        print_json(
            {
                "verdicts": [asdict(v) for v in verdicts],
                "set_aside": plan.records.to_dicts(),
                "asked_of_others": plan.assignments.height,
                "recorded": not options.dry_run,
            }
        )
    else:
        with out_page() as out:
            print_verdicts(verdicts, plan, {}, out, dry_run=options.dry_run)
    return FAILED if plan.failed else DONE


def _consensus(options: argparse.Namespace) -> int:
    from weaklabel.console_gold import print_consensus

    found = open_room(options).room.consensus(options.batch)
    if options.json:
        print_json({"counts": found.counts, "items": found.frame.to_dicts()})
    else:
        with out_page() as out:
            print_consensus(found, out)
    return DONE if found.frame.height else NOTHING


def _queue_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--write", metavar="FILE", type=Path, help="also as CSV to fill in: item, label, expert, reason"
    )


def _queue(options: argparse.Namespace) -> int:
    from weaklabel.console import print_table
    from weaklabel.console_gold import queue_rows
    from weaklabel.pipeline.gold_room import write_queue

    desk = open_room(options)
    queue = desk.room.queue()
    texts = dict(desk.texts(queue["item"].to_list()).iter_rows())
    if options.write is not None and queue.height:
        write_queue(queue, texts, options.write)
    if options.json:
        print_json(queue.to_dicts())
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
    from weaklabel.pipeline.gold_room import decisions

    desk = open_room(options)
    found = desk.room.settle(decisions(options.file), batch=options.batch, role=options.role)
    lines = [
        f"{found.gold.height} items became gold of role {options.role}",
        f"{found.closed.height} left the queue",
    ]
    if found.cases.height:
        lines.append(f"{found.cases.height} are cases for the guideline: weaklabel guideline add-case")
    return _told({"gold": found.gold.to_dicts(), "cases": found.cases.to_dicts()}, lines, options)


# ---- batches and training rounds ----


def _create_arguments(parser: argparse.ArgumentParser) -> None:
    _batch_argument(parser)
    parser.add_argument("--size", metavar="N", type=int, required=True, help="items to draw")
    parser.add_argument("--strata", metavar="COLUMN", help="draw in proportion from each value of a column")


def _create(options: argparse.Namespace) -> int:
    from weaklabel.console_gold import print_plan

    desk = open_room(options)
    how: dict[str, Any] = {"design": "stratified", "strata": options.strata} if options.strata else {}
    rows = desk.rows([options.strata] if options.strata else [])
    plan = desk.room.create_batch(options.batch, rows, size=options.size, **how)
    if options.json:
        print_json(
            {
                "batch": plan.batch,
                "loads": plan.loads.to_dicts(),
                "checks": plan.sentence,
                "notes": list(plan.notes),
            }
        )
    else:
        with out_page() as out:
            print_plan(plan, out)
    return DONE


def _export_arguments(parser: argparse.ArgumentParser) -> None:
    from weaklabel.gold.tools import TOOLS

    _batch_argument(parser)
    parser.add_argument(
        "tool", metavar="TOOL", choices=sorted(TOOLS), help=f"one of {', '.join(sorted(TOOLS))}"
    )
    parser.add_argument("folder", metavar="DIR", type=Path, help="a new or empty folder")


def _export(options: argparse.Namespace) -> int:
    from weaklabel.pipeline.guideline import record_examples

    desk = open_room(options)
    out = desk.export(options.batch, options.tool, options.folder)
    notes = list(out.notes)
    if desk.config.task.guideline is not None:
        notes.append(f"the guideline in force: {record_examples(desk)}")
    return _told(
        {"files": [str(p) for p in out.paths], "notes": notes}, [*map(str, out.paths), *notes], options
    )


def _move_arguments(parser: argparse.ArgumentParser) -> None:
    from weaklabel.gold.ledger.records import BATCH_STATES

    _batch_argument(parser)
    parser.add_argument(
        "state", metavar="STATE", choices=BATCH_STATES, help=f"one of {', '.join(BATCH_STATES)}"
    )
    parser.add_argument("--note", metavar="TEXT", help="a word on why")


def _move(options: argparse.Namespace) -> int:
    open_room(options).room.move(options.batch, options.state, note=options.note)
    return _told(
        {"batch": options.batch, "state": options.state}, [f"{options.batch} is {options.state}"], options
    )


def _more(options: argparse.Namespace) -> int:
    asked = open_room(options).room.ask_more(options.batch)
    _told({"items": asked.items.to_dicts(), "asked": asked.assignments.height}, [asked.sentence], options)
    return DONE if asked.assignments.height or asked.queue.height else NOTHING


def _review_arguments(parser: argparse.ArgumentParser) -> None:
    _batch_argument(parser)
    parser.add_argument(
        "--back", metavar="ITEM", action="append", default=[], help="send an item back; may be repeated"
    )
    parser.add_argument("--note", metavar="TEXT", help="why it goes back")


def _review(options: argparse.Namespace) -> int:
    from weaklabel.console import print_table

    desk = open_room(options)
    if options.back:
        again = desk.room.send_back(
            options.batch, options.back, note=options.note or "sent back by the reviewer"
        )
        return _told(
            {"asked_again": again.height}, [f"{again.height} answers are asked for once more"], options
        )
    found = desk.room.review(options.batch)
    texts = dict(desk.texts(found.frame["item"].to_list()).iter_rows())
    if options.json:
        print_json({"sentence": found.sentence, "items": found.frame.to_dicts()})
        return DONE if found.agreed else NOTHING
    with out_page() as out:
        out.print(f"{found.sentence}\n", style="bold")
        rows = [
            [
                row["item"],
                ", ".join(row["label"]) or "none of these",
                texts[row["item"]][:80].replace("\n", " "),
            ]
            for row in found.frame.iter_rows(named=True)
        ]
        if rows:
            print_table(out, ["item", "all said", "text"], rows, left=("all said", "text"))
    return DONE if found.agreed else NOTHING


def _round_arguments(parser: argparse.ArgumentParser) -> None:
    _batch_argument(parser)
    parser.add_argument("--size", metavar="N", type=int, required=True, help="items for each person")


def _round(options: argparse.Namespace) -> int:
    found, notes = open_room(options).room.create_round(options.batch, size=options.size)
    people = found["annotator"].n_unique()
    lines = [
        f"{found.height} assignments for {people} people; send them with `weaklabel batch export`",
        *notes,
    ]
    return _told({"assignments": found.height, "people": people, "notes": list(notes)}, lines, options)


def _judge_round(options: argparse.Namespace) -> int:
    from weaklabel.console_gold import print_round

    found = open_room(options).room.judge_training(options.batch)
    if options.json:
        print_json({"people": [t.to_dict() for t in found.people], "alpha": found.alpha.to_dict()})
    else:
        with out_page() as out:
            print_round(found, {}, out)
    return DONE if found.people else NOTHING


def _told(data: dict[str, Any], lines: list[str] | tuple[str, ...], options: argparse.Namespace) -> int:
    if options.json:
        print_json(data)
    else:
        for line in lines:
            print(line)
    return DONE


def _verb(
    summary: str, example: str, run: Callable[[argparse.Namespace], int], arguments: Any = None
) -> Verb:
    return Verb(summary, example, run, arguments) if arguments else Verb(summary, example, run)


VERBS = {
    "gold status": _verb(
        "where the gold room stands, and what to do next", "weaklabel gold status task=support", _status
    ),
    "gold add": _verb(
        "add items to the gold set, or change their role; a role that an item may not have is refused",
        'weaklabel gold add experts.csv --role check --expert eve --note "first checks"',
        _add,
        _add_arguments,
    ),
    "gold health": _verb(
        "how good the gold set is: sizes, who made it, agreement, and how it represents the corpus",
        "weaklabel gold health task=support",
        _health,
    ),
    "gold import": _verb(
        "read answers from the tool that people label in; reading again changes nothing",
        "weaklabel gold import label_studio export.json --person 3=ann",
        _import,
        _import_arguments,
    ),
    "gold judge": _verb(
        "judge each person's batch by its hidden checks; set aside what fails, and ask others (exit 4 when one fails)",
        "weaklabel gold judge b1 --dry-run",
        _judge,
        _judge_arguments,
    ),
    "gold consensus": _verb(
        "what a batch's answers add up to; what is not settled goes to the experts' queue",
        "weaklabel gold consensus b1",
        _consensus,
        _batch_argument,
    ),
    "gold queue": _verb(
        "what waits for an expert, and why",
        "weaklabel gold queue --write queue.csv",
        _queue,
        _queue_arguments,
    ),
    "gold settle": _verb(
        "read what experts decided: items become gold and leave the queue",
        "weaklabel gold settle queue.csv --batch b1 --role training",
        _settle,
        _settle_arguments,
    ),
    "batch create": _verb(
        "draw items for people, with hidden checks among them, shared out evenly",
        "weaklabel batch create b1 --size 200 --strata channel",
        _create,
        _create_arguments,
    ),
    "batch export": _verb(
        "write a batch or training round for the tool that people label in, without personal data",
        "weaklabel batch export b1 label_studio out/b1",
        _export,
        _export_arguments,
    ),
    "batch move": _verb(
        "say that a batch is sent, back, reviewed or released",
        "weaklabel batch move b1 sent",
        _move,
        _move_arguments,
    ),
    "batch more": _verb(
        "ask more people about items that prove hard", "weaklabel batch more b1", _more, _batch_argument
    ),
    "batch review": _verb(
        "show a reviewer a random share of the items on which people agree, or send items back",
        'weaklabel batch review b1 --back m17 --note "see section returns"',
        _review,
        _review_arguments,
    ),
    "training create": _verb(
        "draw training gold that each person has not met",
        "weaklabel training create r1 --size 30",
        _round,
        _round_arguments,
    ),
    "training judge": _verb(
        "who has passed a training round, and what confused people",
        "weaklabel training judge r1",
        _judge_round,
        _batch_argument,
    ),
}
