"""`schema diff`, `schema migrate` and `schema aliases`: the life of a taxonomy."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from weaklabel.cli.frame import DONE, NOTHING, PARTLY, Verb, open_config, out_page, print_json, say
from weaklabel.cli.lf_bench import count

if TYPE_CHECKING:
    from rich.console import Console

    from weaklabel.explore.ambiguous import Spellings
    from weaklabel.pipeline.migrate import Migration
    from weaklabel.taxonomy import SchemaDiff

_SHOWN = 10
_WITHOUT = ["task.corpus.path", "task.gold.path"]


def _schemas_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("old", metavar="OLD", type=Path, help="the schema.yaml that was")
    parser.add_argument("new", metavar="NEW", type=Path, help="the schema.yaml that is to be")
    parser.add_argument(
        "--map",
        metavar="FILE",
        type=Path,
        help="YAML that says what the schemas don't: rename: {old: new}, merge: {new: [old, older]}, "
        "split: {old: [new, newer]}, retire: [old]",
    )


def _found(options: argparse.Namespace) -> SchemaDiff:
    from weaklabel.schema import LabelSchema
    from weaklabel.taxonomy import schema_diff

    return schema_diff(LabelSchema.from_yaml(options.old), LabelSchema.from_yaml(options.new), options.map)


# ---- schema diff ----


def _diff(options: argparse.Namespace) -> int:
    found = _found(options)
    if options.json:
        print_json(found.to_dict())
    else:
        with out_page() as out:
            _print_diff(found, out)
    return DONE if found.changes else NOTHING


def _print_diff(found: SchemaDiff, out: Console) -> None:
    labels = f"{len(found.old)} labels, now {len(found.new)}"
    out.print(f"{found.versions}: {labels}", style="bold", soft_wrap=True)
    if not found.changes:
        out.print("no difference")
        return
    from weaklabel.console import print_table

    rows = [
        [one.kind, ", ".join(one.old), ", ".join(one.new), _how(one.why, one.note)] for one in found.changes
    ]
    print_table(
        out, ["change", "was", "is", "how"], rows, left=("was", "is", "how"), wraps=("was", "is", "how")
    )
    if found.gone:
        out.print(
            f"\nnothing says what became of {', '.join(found.gone)}: say it with --map, or by an alias",
            style="yellow",
            soft_wrap=True,
        )


def _how(why: str, note: str) -> str:
    return "; ".join(part for part in (f"by {why}" if why else "", note) if part)


# ---- schema migrate ----


def _migrate_arguments(parser: argparse.ArgumentParser) -> None:
    _schemas_arguments(parser)
    for name, what in (("gold", "gold"), ("labels", "labels"), ("votes", "votes")):
        help = f"a file of {what} to carry over too; may be given again"
        parser.add_argument(f"--{name}", metavar="FILE", type=Path, action="append", default=[], help=help)
    parser.add_argument("--out", metavar="DIR", type=Path, help="where the results of these files go")
    parser.add_argument("--no-ledger", action="store_true", help="leave the gold ledger alone")
    parser.add_argument(
        "--table", action="store_true", help="carry the label table over too, as a new version"
    )
    parser.add_argument("--dry-run", action="store_true", help="only say what would be done")


def _migrate(options: argparse.Namespace) -> int:
    from weaklabel.gold import Ledger
    from weaklabel.pipeline.gold import ledger_place
    from weaklabel.pipeline.label_places import open_label_table
    from weaklabel.pipeline.migrate import migrate

    found = _found(options)
    project, config = open_config(options, without=_WITHOUT)
    place = ledger_place(config, project)
    there = isinstance(place, str) or place.exists()
    rules = project / config.task.rules
    done = migrate(
        found,
        rules=rules if rules.is_dir() else None,
        ledger=Ledger.open(place) if there and not options.no_ledger else None,
        task=config.task.name,
        table=open_label_table(config, project) if options.table else None,
        gold_files=options.gold,
        label_files=options.labels,
        vote_files=options.votes,
        gold_id=config.task.gold.id,
        gold_column=config.task.gold.label,
        out=options.out,
        dry_run=options.dry_run,
    )
    if options.json:
        print_json(done.to_dict())
    else:
        with out_page() as out:
            _print_migration(done, out)
    if not done.changes:
        return NOTHING
    waits = any(step.counts["queued"] for step in done.steps) or any(rule.person for rule in done.rules)
    return PARTLY if waits and not done.dry_run else DONE


def _print_migration(done: Migration, out: Console) -> None:
    from weaklabel.console import print_table

    _print_diff(done.diff, out)
    if done.rules:
        out.print("\nrules to edit, so that they mean the same", style="bold")
        rows = [
            [one.rule, one.where, one.now, one.then or "a person must say", one.why] for one in done.rules
        ]
        header = ["rule", "where", "votes for", "must say", "why"]
        print_table(out, header, rows, left=header[1:], wraps=tuple(header[1:]))
    if done.steps:
        out.print(
            "\nrows that would be carried over" if done.dry_run else "\nrows carried over", style="bold"
        )
        header = ["what", "same", "renamed", "queued", "result"]
        rows = [
            [step.what, *(f"{step.counts[name]:,}" for name in header[1:4]), step.written or ""]
            for step in done.steps
        ]
        print_table(out, header, rows, left=("result",), wraps=("what", "result"))
    for step in done.steps:
        _print_queued(step.what, step.queued.rows(), out)
        for note in step.notes:
            out.print(f"note: {step.what}: {note}", soft_wrap=True)
    for note in done.notes:
        out.print(f"note: {note}", soft_wrap=True)
    if done.dry_run:
        out.print("\nnothing was written: this is the plan", style="dim")


def _print_queued(what: str, rows: Sequence[tuple[Any, ...]], out: Console) -> None:
    if not rows:
        return
    out.print(f"\n{what}: {len(rows):,} wait for a person or for the next run", style="bold", soft_wrap=True)
    for item, labels, why in rows[:_SHOWN]:
        out.print(f"  {item}  {', '.join(labels)}: {why}", soft_wrap=True)
    if len(rows) > _SHOWN:
        out.print(f"  and {len(rows) - _SHOWN:,} more (--json has all)", style="dim")


# ---- schema aliases ----


def _aliases_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--rows",
        metavar="N",
        type=count,
        default=100_000,
        help="rows of the corpus to look at; 0: all (default: 100000)",
    )
    parser.add_argument("--all", action="store_true", help="show every spelling, not only ambiguous ones")
    parser.add_argument(
        "--examples", metavar="N", type=count, default=2, help="rows shown of each (default: 2)"
    )


def _aliases(options: argparse.Namespace) -> int:
    from weaklabel.errors import RuleError
    from weaklabel.explore import View
    from weaklabel.explore.ambiguous import ambiguous_aliases
    from weaklabel.lf.taxonomy import FROM_TAXONOMY
    from weaklabel.pipeline import open_task
    from weaklabel.pipeline.task import make_applier

    project, config = open_config(options)
    task = open_task(config, project, several=True)
    if not any(FROM_TAXONOMY in rule.tags for rule in task.registry):
        hint = (
            'in a rule pack: taxonomy: {schema: schema.yaml}; in Python: rules_from_taxonomy("schema.yaml")'
        )
        raise RuleError("no rule of this task is made from a taxonomy", where=config.task.rules, hint=hint)
    view = View.read(task.corpus, rows=options.rows or None, seed=config.seed)
    votes = make_applier(config, task.registry, project).apply(view.frame)
    found = ambiguous_aliases(
        view.frame, votes, registry=task.registry, examples=options.examples, seed=config.seed
    )
    shown = found.lines if options.all else found.ambiguous
    if options.json:
        print_json(
            {"rows": view.frame.height, "usual": found.usual, "spellings": [one.to_dict() for one in shown]}
        )
    else:
        with out_page() as out:
            _print_spellings(found, options.all, view.frame.height, out)
    if not shown:
        say("no name or alias looks ambiguous on these rows")
    return DONE if shown else NOTHING


def _print_spellings(found: Spellings, every: bool, rows: int, out: Console) -> None:
    from weaklabel.console import print_table

    shown = found.lines if every else found.ambiguous
    out.print(
        f"{len(found.lines):,} spellings on {rows:,} rows, {len(found.ambiguous)} ambiguous", style="bold"
    )
    if found.usual is not None:
        out.print(f"on average, a spelling is supported on {found.usual:.0%} of its rows", style="dim")
    if not shown:
        return
    header = ["label", "spelling", "rows", "supported", "denied", "inside", "why"]
    cells = [
        [
            one.label,
            one.spelling,
            *(f"{n:,}" for n in (one.rows, one.supported, one.denied, one.inside)),
            _because(one),
        ]
        for one in shown
    ]
    print_table(out, header, cells, left=("spelling", "why"), wraps=("label", "spelling", "why"))
    for one in shown:
        for item, pieces in one.examples:
            text = "".join(f"[{piece.text}]" if piece.marked else piece.text for piece in pieces)
            out.print(f"  {one.spelling}  {item}  {text}", soft_wrap=True, markup=False, highlight=False)


def _because(one: Any) -> str:
    said = []
    if "denied" in one.why:
        said.append(f"denied by {', '.join(one.denied_by)}")
    if "inside" in one.why:
        said.append(f"inside {', '.join(one.inside_of)}")
    if "alone" in one.why:
        said.append("nothing else there speaks for it")
    return "; ".join(said)


VERBS = {
    "schema diff": Verb(
        "what changed between two schemas: renamed, merged, split, retired, new, moved (exit 3: nothing)",
        "weaklabel schema diff old/schema.yaml labeling_functions/support/schema.yaml --map map.yaml",
        _diff,
        _schemas_arguments,
        in_project=False,
    ),
    "schema migrate": Verb(
        "take rules, gold, labels and votes to a new schema: the plan with --dry-run (exit 5: something waits for a person)",
        "weaklabel schema migrate old/schema.yaml new/schema.yaml --map map.yaml --gold gold.csv --out migrated --dry-run",
        _migrate,
        _migrate_arguments,
    ),
    "schema aliases": Verb(
        "names and aliases of a taxonomy that mean something else in this corpus (exit 3: none)",
        "weaklabel schema aliases task=support",
        _aliases,
        _aliases_arguments,
    ),
}
