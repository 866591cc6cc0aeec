"""`batch …` and `training …`: what people are asked, and how they do in training."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

from weaklabel.cli.frame import DONE, FAILED, NOTHING, Verb, out_page, print_json
from weaklabel.cli.gold_desk import batch_argument, names_flag, open_room, shown_names, told, with_names


def _create_arguments(parser: argparse.ArgumentParser) -> None:
    batch_argument(parser)
    parser.add_argument("--size", metavar="N", type=int, required=True, help="items to draw")
    parser.add_argument("--strata", metavar="COLUMN", help="draw in proportion from each value of a column")
    parser.add_argument(
        "--suggest",
        metavar="RUN",
        help="show the labels of a run (its id, or `last`) as suggestions; gold.blind says how many answers go without",
    )


def _create(options: argparse.Namespace) -> int:
    from weaklabel.console_gold import print_plan
    from weaklabel.pipeline.desk.files import suggestions_of

    desk = open_room(options)
    how: dict[str, Any] = {"design": "stratified", "strata": options.strata} if options.strata else {}
    if options.suggest:
        how["suggestions"] = suggestions_of(desk.project, desk.room.task, options.suggest)
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

    batch_argument(parser)
    parser.add_argument(
        "tool", metavar="TOOL", choices=sorted(TOOLS), help=f"one of {', '.join(sorted(TOOLS))}"
    )
    parser.add_argument("folder", metavar="DIR", type=Path, help="a new or empty folder")


def _export(options: argparse.Namespace) -> int:
    from weaklabel.pipeline.desk.guideline import record_examples

    desk = open_room(options)
    out = desk.export(options.batch, options.tool, options.folder)
    notes = list(out.notes)
    if desk.config.task.guideline is not None:
        notes.append(f"the guideline in force: {record_examples(desk)}")
    return told(
        {"files": [str(p) for p in out.paths], "notes": notes}, [*map(str, out.paths), *notes], options
    )


def _move_arguments(parser: argparse.ArgumentParser) -> None:
    from weaklabel.gold.ledger.records import BATCH_STATES

    batch_argument(parser)
    parser.add_argument(
        "state", metavar="STATE", choices=BATCH_STATES, help=f"one of {', '.join(BATCH_STATES)}"
    )
    parser.add_argument("--note", metavar="TEXT", help="a word on why")


def _move(options: argparse.Namespace) -> int:
    open_room(options).room.move(options.batch, options.state, note=options.note)
    return told(
        {"batch": options.batch, "state": options.state}, [f"{options.batch} is {options.state}"], options
    )


def _more(options: argparse.Namespace) -> int:
    asked = open_room(options).room.ask_more(options.batch)
    told({"items": asked.items.to_dicts(), "asked": asked.assignments.height}, [asked.sentence], options)
    return DONE if asked.assignments.height or asked.queue.height else NOTHING


def _review_arguments(parser: argparse.ArgumentParser) -> None:
    batch_argument(parser)
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
        are = "answer is" if again.height == 1 else "answers are"
        return told({"asked_again": again.height}, [f"{again.height} {are} asked for once more"], options)
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
    batch_argument(parser)
    parser.add_argument("--size", metavar="N", type=int, required=True, help="items for each person")


def _round(options: argparse.Namespace) -> int:
    from weaklabel.console import counted
    from weaklabel.console_gold import people as many

    found, notes = open_room(options).room.create_round(options.batch, size=options.size)
    people = found["annotator"].n_unique()
    lines = [
        f"{counted(found.height, 'assignment')} for {many(people)}; send them with `weaklabel batch export`",
        *notes,
    ]
    return told({"assignments": found.height, "people": people, "notes": list(notes)}, lines, options)


def _judge_round_arguments(parser: argparse.ArgumentParser) -> None:
    batch_argument(parser)
    names_flag(parser)


def _judge_round(options: argparse.Namespace) -> int:
    from weaklabel.console_gold import print_round

    desk = open_room(options)
    found = desk.room.judge_training(options.batch)
    names = shown_names(options, desk)
    if options.json:
        people = with_names([t.to_dict() for t in found.people], names)
        print_json({"people": people, "alpha": found.alpha.to_dict()})
    else:
        with out_page() as out:
            print_round(found, names, out)
    return DONE if found.people else NOTHING


# ---- what checks catch, what suggestions do, and what people confuse ----


def _numbers(kind: Callable[[str], float]) -> Callable[[str], list[Any]]:
    def read(text: str) -> list[Any]:
        try:
            return [kind(word) for word in text.split(",")]
        except ValueError as error:
            raise argparse.ArgumentTypeError(f"{text!r} is no list of numbers, such as 8,12") from error

    return read


def _power_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--checks", metavar="N,N", type=_numbers(int), help="numbers of hidden checks (default: 4 to 40)"
    )
    parser.add_argument(
        "--falls",
        metavar="SHARE,SHARE",
        type=_numbers(float),
        help="shares of right answers after a fall (default: 0.9,0.85,0.8,0.7)",
    )


def _power(options: argparse.Namespace) -> int:
    from weaklabel.console_gold import print_power
    from weaklabel.pipeline.desk.views import CHECKS, FALLS, power_of

    checks, falls = sorted(set(options.checks or CHECKS)), sorted(set(options.falls or FALLS), reverse=True)
    found = power_of(open_room(options), checks=checks, falls=falls)
    if options.json:
        print_json(found)
    else:
        with out_page() as out:
            print_power(found, out)
    return DONE


def _anchoring(options: argparse.Namespace) -> int:
    from weaklabel.console_gold import print_anchoring
    from weaklabel.pipeline.desk.views import anchoring_of

    found = anchoring_of(open_room(options), options.batch)
    if options.json:
        print_json(found.to_dict())
    else:
        with out_page() as out:
            print_anchoring(found, out)
    if found.follows.p is None:
        return NOTHING
    return FAILED if found.anchored else DONE


def _reissue_arguments(parser: argparse.ArgumentParser) -> None:
    batch_argument(parser)
    parser.add_argument(
        "--pair",
        metavar=("LABEL", "OTHER"),
        nargs=2,
        help="the labels that people confuse; `none` is none of them (default: show which pairs there are)",
    )
    parser.add_argument(
        "--people", metavar="N", type=int, default=2, help="further people for each item (default: 2)"
    )
    parser.add_argument("--note", metavar="TEXT", help="why, kept with the batch")


def _reissue(options: argparse.Namespace) -> int:
    from weaklabel.console_gold import print_contested
    from weaklabel.pipeline.desk.views import contested_of, label_or_none

    desk = open_room(options)
    if options.pair is None:
        found = contested_of(desk, options.batch)
        if options.json:
            print_json(found.to_dicts())
        else:
            with out_page() as out:
                print_contested(found, options.batch, out)
        return DONE if found.height else NOTHING
    one, other = (label_or_none(desk, word) for word in options.pair)
    plan = desk.room.reissue(options.batch, one, other, people=options.people, note=options.note)
    data = {"items": list(plan.items), "left": list(plan.left), "asked": plan.assignments.height}
    lines = [plan.sentence]
    if plan.items:
        lines.append(f"{options.batch} is sent: weaklabel batch export {options.batch} TOOL DIR")
    told(data, lines, options)
    return DONE if plan.items else NOTHING


VERBS = {
    "batch create": Verb(
        "draw items for people, with hidden checks among them, shared out evenly",
        "weaklabel batch create b1 --size 200 --strata channel",
        _create,
        _create_arguments,
    ),
    "batch export": Verb(
        "write a batch or training round for the tool that people label in, without personal data",
        "weaklabel batch export b1 label_studio out/b1",
        _export,
        _export_arguments,
    ),
    "batch move": Verb(
        "say that a batch is sent, back, reviewed or released",
        "weaklabel batch move b1 sent",
        _move,
        _move_arguments,
    ),
    "batch more": Verb(
        "ask more people about items that prove hard", "weaklabel batch more b1", _more, batch_argument
    ),
    "batch review": Verb(
        "show a reviewer a random share of the items on which people agree, or send items back",
        'weaklabel batch review b1 --back m17 --note "see section returns"',
        _review,
        _review_arguments,
    ),
    "batch power": Verb(
        "what so many hidden checks catch, by the size of a fall, and how often they fail a good day",
        "weaklabel batch power --checks 8,12,20 --falls 0.85,0.7",
        _power,
        _power_arguments,
    ),
    "batch anchoring": Verb(
        "whether people follow the suggestions that they were shown (exit 4 when they do)",
        "weaklabel batch anchoring b1",
        _anchoring,
        batch_argument,
    ),
    "batch reissue": Verb(
        "which labels people confuse in a batch; with --pair, ask other people about the settled items of that kind",
        "weaklabel batch reissue b1 --pair returns billing",
        _reissue,
        _reissue_arguments,
    ),
    "training create": Verb(
        "draw training gold that each person has not met",
        "weaklabel training create r1 --size 30",
        _round,
        _round_arguments,
    ),
    "training judge": Verb(
        "who has passed a training round, and what confused people",
        "weaklabel training judge r1",
        _judge_round,
        _judge_round_arguments,
    ),
}
