"""`guideline …`: what people label by; and `erase`: what must not be kept."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from weaklabel.cli.frame import DONE, NOTHING, USAGE, Verb, open_config, out_page, print_json, say
from weaklabel.errors import some

if TYPE_CHECKING:
    from weaklabel.pipeline.desk.guideline import Checked, Comparison
    from weaklabel.pipeline.desk.room import Desk
    from weaklabel.pipeline.erasing.erase import Found

_WITHOUT = ["task.gold.path"]


def _desk(options: argparse.Namespace) -> Desk:
    from weaklabel.pipeline.desk.guideline import guideline_file
    from weaklabel.pipeline.desk.room import open_desk

    project, config = open_config(options, without=_WITHOUT)
    guideline_file(config, project)
    return open_desk(config, project)


# ---- guideline ----


def _check(options: argparse.Namespace) -> int:
    from weaklabel.pipeline.desk.guideline import check_guideline

    project, config = open_config(options, without=_WITHOUT)
    found = check_guideline(config, project)
    if options.json:
        print_json(found.to_dict())
    else:
        _print_checked(found)
    return DONE


def _print_checked(found: Checked) -> None:
    from weaklabel.console import print_table

    guideline = found.guideline
    rows = [
        [
            section.anchor,
            f"{section.line}",
            section.kind,
            section.label or "",
            f"{len(section.examples) or ''}",
            some(list(found.rules.get(section.anchor, ()))),
        ]
        for section in guideline.sections
    ]
    with out_page() as out:
        out.print(f"{guideline.name}: version {guideline.version}\n", style="bold", soft_wrap=True)
        header = ["section", "line", "kind", "label", "examples", "rules that follow it"]
        print_table(out, header, rows, left=("kind", "label", header[-1]), drop=(header[-1],))
        for note in found.notes:
            out.print(f"! {note}", style="yellow", soft_wrap=True)


def _build_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--write", action="store_true", help="write it, and record the version")
    parser.add_argument("--limit", metavar="N", type=int, help="at most so many examples of a label")


def _build(options: argparse.Namespace) -> int:
    from weaklabel.pipeline.desk.guideline import (
        build_text,
        guideline_file,
        line_diff,
        record_examples,
        write_guideline,
    )

    desk = _desk(options)
    guideline, text = build_text(desk, limit=options.limit)
    lines = line_diff(guideline.text, text, guideline.name)
    said = ""
    if options.write:
        if lines:
            write_guideline(text, guideline_file(desk.config, desk.project))
        said = record_examples(desk)
    if options.json:
        print_json(
            {
                "file": guideline.name,
                "diff": lines,
                "written": options.write and bool(lines),
                "recorded": said,
            }
        )
    else:
        _print_lines(lines or ["the examples are as in gold of the role shown"])
        if said:
            print(said)
        elif lines:
            say("nothing was written: say --write")
    return DONE if lines or said.endswith("is recorded") else NOTHING


def _diff_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--against", metavar="FILE", type=Path, help="another version (default: the last one recorded)"
    )
    parser.add_argument(
        "--record",
        action="store_true",
        help="record this version, and put what its changes of meaning put in doubt in the experts' queue",
    )


def _diff(options: argparse.Namespace) -> int:
    from weaklabel.pipeline.desk.guideline import compare, desk_guideline, record

    desk = _desk(options)
    found = (record if options.record else compare)(desk, against=options.against)
    version = desk_guideline(desk).version
    if options.json:
        nothing: dict[str, Any] = {"old": None, "new": version, "changes": []}
        print_json({**(found.to_dict() if found is not None else nothing), "recorded": options.record})
    elif found is None:
        print(
            f"{version} is recorded, the first version"
            if options.record
            else "no version is recorded yet: weaklabel guideline diff --record"
        )
    else:
        _print_comparison(found, recorded=options.record)
    if found is None:
        return DONE if options.record else NOTHING
    return DONE if found.changes.changes else NOTHING


def _print_comparison(found: Comparison, *, recorded: bool) -> None:
    from weaklabel.console import counted

    changes = found.changes
    if not changes.changes:
        print(f"no section changed since {changes.old.version}")
        return
    print(f"{changes.old.version} -> {changes.new.version}")
    for change in changes.changes:
        _print_lines(["", change.sentence, *(f"  {line}" for line in change.text)])
    _print_lines(["", *(f"! {note}" for note in changes.notes)] if changes.notes else [""])
    affected = found.found
    print(
        f"made under the old text: {counted(affected.answers.height, 'answer')}, "
        f"{counted(affected.gold.height, 'gold item')}, {counted(affected.rules.height, 'rule')}"
    )
    for row in affected.rules.iter_rows(named=True):
        print(f"  rule {row['rule']} ({row['where']}) follows {', '.join(row['sections'])}")
    told = "put in the experts' queue" if recorded else "to be looked at again: say --record"
    print(f"{counted(found.queue.height, 'item')} {told}")


def _case_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--id", metavar="ITEM", required=True, help="the item, whose text is in the corpus")
    parser.add_argument("--label", metavar="L", required=True, help="what was decided")
    parser.add_argument("--reason", metavar="TEXT", required=True, help="why, as readers will see it")
    parser.add_argument("--section", metavar="S", help="where it belongs (default: the label's section)")
    parser.add_argument("--by", metavar="NAME", default="", help="who decided, as readers may know them")


def _add_case(options: argparse.Namespace) -> int:
    from datetime import date

    from weaklabel.gold.guideline import parse
    from weaklabel.pipeline.desk.guideline import case_text, guideline_file, line_diff, write_guideline

    desk = _desk(options)
    guideline, text = case_text(
        desk,
        options.id,
        options.label,
        options.reason,
        day=date.today(),
        section=options.section,
        by=options.by,
    )
    write_guideline(text, guideline_file(desk.config, desk.project))
    version = parse(text, schema=guideline.schema, name=guideline.name).version
    lines = line_diff(guideline.text, text, guideline.name)
    if options.json:
        print_json({"file": guideline.name, "version": version, "diff": lines})
    else:
        _print_lines([*lines, f"version {version}; what it puts in doubt: weaklabel guideline diff"])
    return DONE


def _print_lines(lines: list[str]) -> None:
    for line in lines:
        print(line)


# ---- erase ----


def _erase_arguments(parser: argparse.ArgumentParser) -> None:
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--id", metavar="ID", help="an item of the task")
    what.add_argument("--annotator", metavar="NAME", help="an annotator, of all tasks")
    what.add_argument(
        "--old", action="store_true", help="answers that are older than gold.retention_days allows"
    )
    parser.add_argument("--reason", metavar="TEXT", help="why; it is kept, so it names nobody")
    parser.add_argument("--yes", action="store_true", help="really; without it, only what would go is shown")


def _erase(options: argparse.Namespace) -> int:
    from weaklabel.pipeline.erasing.erase import Wanted, erase, retain

    if options.reason is None and not options.old:
        say("usage error: an erasure needs a reason: --reason TEXT")
        return USAGE
    project, config = open_config(options)
    if options.old:
        found: tuple[Found, ...] = (retain(config, project, really=options.yes),)
    else:
        kind, id = ("item", options.id) if options.id is not None else ("annotator", options.annotator)
        wanted = Wanted(config, project, kind, id, options.reason)  # type: ignore[arg-type]
        found = erase(wanted, really=options.yes)
    total = sum(one.count for one in found)
    if options.json:
        stores = [{"store": o.store, "count": o.count, "what": o.what, "left": list(o.left)} for o in found]
        print_json({"erased": options.yes, "found": total, "stores": stores})
    else:
        _print_found(found)
    if not total:
        stays = "" if options.old or not options.yes else "; a tombstone refuses it from now on"
        say(f"nothing was found{stays}")
        return NOTHING
    if not options.yes:
        say("nothing is erased without --yes")
        return USAGE
    return DONE


def _print_found(found: tuple[Found, ...]) -> None:
    for one in found:
        print(f"{one.store:14}{one.what}")
    for line in (line for one in found for line in one.left):
        print(f"! {line}")


VERBS = {
    "guideline check": Verb(
        "read the guideline: its sections, labels and version, and the rules that follow it; faults with their lines",
        "weaklabel guideline check task=support",
        _check,
    ),
    "guideline build": Verb(
        "fill the guideline with examples from gold of the role shown; shows the difference, --write writes it",
        "weaklabel guideline build --write",
        _build,
        _build_arguments,
    ),
    "guideline diff": Verb(
        "what changed since the last recorded version, and which answers, gold and rules that puts in doubt",
        "weaklabel guideline diff --record",
        _diff,
        _diff_arguments,
    ),
    "guideline add-case": Verb(
        "write an item with its decision and reason into the guideline, as a case",
        'weaklabel guideline add-case --id m17 --label billing --reason "a fee is stopped by the billing team"',
        _add_case,
        _case_arguments,
    ),
    "erase": Verb(
        "erase an item, an annotator or old answers from everything that the project keeps, and leave a tombstone",
        'weaklabel erase --id m17 --reason "asked for by the sender" --yes',
        _erase,
        _erase_arguments,
    ),
}
