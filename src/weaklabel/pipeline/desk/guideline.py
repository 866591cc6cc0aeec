"""A task's guideline as the project keeps it: checked, filled with examples, recorded by version, compared."""

from __future__ import annotations

import difflib
import os
import shutil
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl

from weaklabel.errors import ConfigError, GoldError, WeakLabelError
from weaklabel.export import sync, writing
from weaklabel.gold.guideline import (
    Affected,
    Changes,
    Guideline,
    add_case,
    affected,
    build,
    diff,
    linked,
    load_guideline,
    parse,
)
from weaklabel.gold.ledger import records
from weaklabel.gold.ledger.log import Log
from weaklabel.pipeline.desk.room import Desk
from weaklabel.pipeline.task import open_registry, relative
from weaklabel.redact import redact_column
from weaklabel.settings import Config

HIDDEN = ("training", "check", "audit")
"""Roles of gold that no guideline may print: people are tested with it."""


@dataclass(frozen=True)
class Checked:
    """A guideline that could be read.

    Parameters
    ----------
    guideline
        The guideline.
    rules
        Ids of the rules that follow each section, by anchor.
    notes
        What is missing and is no fault.

    Examples
    --------
    >>> from weaklabel.schema import LabelSchema
    >>> guideline = parse("# ham\\n# spam\\n", schema=LabelSchema(["ham", "spam"]))
    >>> Checked(guideline, {"spam": ("sells",)}).to_dict()["sections"][1]["rules"]
    ['sells']
    """

    guideline: Guideline
    rules: dict[str, tuple[str, ...]]
    notes: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain data."""
        sections = [
            {
                "section": section.anchor,
                "line": section.line,
                "kind": section.kind,
                "label": section.label,
                "examples": len(section.examples),
                "rules": list(self.rules.get(section.anchor, ())),
            }
            for section in self.guideline.sections
        ]
        return {
            "file": self.guideline.name,
            "version": self.guideline.version,
            "sections": sections,
            "notes": list(self.notes),
        }


@dataclass(frozen=True)
class Comparison:
    """How a guideline differs from another version, and what that puts in doubt.

    Parameters
    ----------
    changes
        Section by section.
    found
        Answers, gold and rules that are affected.
    queue
        Records of the experts' queue: what is looked at again, and is not in the queue already.

    Examples
    --------
    >>> from weaklabel.schema import LabelSchema
    >>> guideline = parse("# ham\\n# spam\\n", schema=LabelSchema(["ham", "spam"]))
    >>> empty = Affected(pl.DataFrame(), pl.DataFrame(), pl.DataFrame())
    >>> Comparison(diff(guideline, guideline), empty, pl.DataFrame()).to_dict()["changes"]
    []
    """

    changes: Changes
    found: Affected
    queue: pl.DataFrame

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain data."""
        return {
            "old": self.changes.old.version,
            "new": self.changes.new.version,
            "changes": [
                {
                    "section": change.section,
                    "kind": change.kind,
                    "line": change.line,
                    "labels": None if change.labels is None else list(change.labels),
                    "editorial": change.editorial,
                    "text": list(change.text),
                }
                for change in self.changes.changes
            ],
            "notes": list(self.changes.notes),
            "answers": self.found.answers.height,
            "gold": self.found.gold["item"].to_list() if self.found.gold.height else [],
            "rules": self.found.rules.to_dicts(),
            "queue": self.queue.select("item", "batch", "why").to_dicts() if self.queue.height else [],
        }


def guideline_file(config: Config, project: Path) -> Path:
    """Return where a task's guideline is.

    Raises
    ------
    ConfigError
        The task has none.

    Examples
    --------
    >>> config = Config()
    >>> config.task.guideline = "rules/guideline.md"
    >>> guideline_file(config, Path("/desk")).as_posix()
    '/desk/rules/guideline.md'
    """
    if config.task.guideline is None:
        raise ConfigError(
            "task.guideline is not set: this task has no guideline",
            hint=f"write one and name it in conf: guideline: {config.task.rules}/guideline.md",
        )
    return project / config.task.guideline


def check_guideline(config: Config, project: Path) -> Checked:
    """Read a task's guideline and the links of its rules; faults are raised with their lines.

    Examples
    --------
    >>> import tempfile
    >>> from weaklabel.config import load
    >>> from weaklabel.templates import write_project
    >>> project = write_project(Path(tempfile.mkdtemp()) / "desk")
    >>> written = (project / "guide.md").write_text("Version 1.\\n# question\\n# complaint\\n# thanks\\n")
    >>> checked = check_guideline(load(project, ["task.guideline=guide.md"]), project)
    >>> checked.rules
    {'question': ('asks',), 'complaint': ('grumbles',), 'thanks': ('says_thanks',)}
    """
    registry = open_registry(config, project)
    guideline = _shortly_named(guideline_file(config, project), config, registry.schema)
    following = linked(guideline, registry.rules)
    by_section: dict[str, tuple[str, ...]] = {
        section.anchor: tuple(rule for rule, anchors in following.items() if section.anchor in anchors)
        for section in guideline.sections
    }
    rules = {anchor: names for anchor, names in by_section.items() if names}
    return Checked(guideline, rules, tuple(_notes(guideline)))


def build_text(desk: Desk, *, limit: int | None = None) -> tuple[Guideline, str]:
    """Return a task's guideline and its text with examples from gold of the role shown.

    Texts come from the corpus, without personal data. In a multi-label task an item stands under its first label.
    """
    guideline = desk_guideline(desk)
    gold = desk.room.gold().role("shown").filter(pl.col("labels").list.len() > 0)
    texts = plain_texts(desk, gold["item"].to_list())
    shown = gold.select("item", "reason", "counter", label=pl.col("labels").list.first()).with_columns(
        text=pl.Series([texts[item] for item in gold["item"]], dtype=pl.String)
    )
    return guideline, build(guideline, shown, limit=limit)


def case_text(
    desk: Desk, item: str, label: str, reason: str, *, day: date, section: str | None = None, by: str = ""
) -> tuple[Guideline, str]:
    """Return a task's guideline and its text with an item of the corpus as one more decided case.

    Labels that people gave to the item instead are named in the case, so that answers like theirs are looked at again.

    Raises
    ------
    GoldError
        The item is gold that people are tested with, or not in the corpus.
    """
    gold = desk.room.gold().items.filter(pl.col("item") == item)
    role = gold["role"][0] if gold.height else None
    if role in HIDDEN:
        raise GoldError(
            f"item {item!r} is gold of role {role}: people are tested with it, so the guideline can't print it",
            hint="take another item of its kind, or take this one out first: weaklabel gold add FILE --role removed",
        )
    guideline = desk_guideline(desk)
    decided = guideline.schema.label(guideline.schema.code(label))
    said = desk.room.answers().filter((pl.col("item") == item) & (pl.col("kind") == "label"))
    others = sorted(
        {name for labels in said["labels"] for name in labels if name in guideline.schema} - {decided}
    )
    text = plain_texts(desk, [item])[item]
    return guideline, add_case(
        guideline, text, label, reason, date=day, section=section, mistaken_for=others, by=by
    )


def recorded(desk: Desk) -> list[Guideline]:
    """Return the versions of a task's guideline that the ledger holds, the last one last.

    Older ones that can't be read with the labels of today are left out.
    """
    rows = desk.room.ledger.records("guideline", task=desk.room.task)
    found = []
    for at, (version, text) in enumerate(rows.select("version", "text").iter_rows(), 1):
        try:
            found.append(parse(text, schema=desk.room.schema, name=f"version {version} in the ledger"))
        except WeakLabelError:
            if at == rows.height:
                raise
    return found


def compare(desk: Desk, *, against: Path | None = None) -> Comparison | None:
    """Compare a task's guideline with the last version recorded, or with a file; None: none is recorded."""
    known = recorded(desk)
    new = desk_guideline(desk)
    if against is not None:
        old = load_guideline(against, schema=desk.room.schema)
    elif known:
        old = known[-1]
    else:
        return None
    changes = diff(old, new)
    rules = open_registry(desk.config, desk.project).rules
    gold = desk.room.gold().items
    found = affected(changes, desk.room.answers(), gold, rules, known=known)
    where = [relative(place, desk.project) for place in found.rules["where"]]
    shown = found.rules.with_columns(pl.Series("where", where, dtype=pl.String))
    return Comparison(
        changes, Affected(found.answers, found.gold, shown), _queue(desk, found, gold, old.version)
    )


def record(desk: Desk, *, against: Path | None = None) -> Comparison | None:
    """Record the present version of a task's guideline, and queue what its changes put in doubt, in one step.

    Returns
    -------
    Comparison or None
        What changed since the version before; None for the first version.
    """
    with desk.room.ledger.deciding() as log:
        found = compare(desk, against=against)
        record_version(desk, log, found)
        if found is not None and found.queue.height:
            log.record("queue", found.queue, task=desk.room.task)
    return found


def record_version(desk: Desk, log: Log, found: Comparison | None) -> bool:
    """Record the present version of a task's guideline unless it is the last one recorded; say whether it was new."""
    guideline = desk_guideline(desk)
    known = log.records("guideline", task=desk.room.task)
    if known.height and known["version"][-1] == guideline.version and known["text"][-1] == guideline.text:
        return False
    editorial = [c.section for c in found.changes.changes if c.editorial] if found is not None else []
    row = {
        "version": guideline.version,
        "label": str(guideline.number),
        "text": guideline.text,
        "editorial": editorial,
    }
    log.record("guideline", pl.DataFrame([row], schema=records.KINDS["guideline"]), task=desk.room.task)
    return True


def record_examples(desk: Desk) -> str:
    """Record the present version where that queues nothing: it is the first, or examples alone changed.

    Returns
    -------
    str
        What was done, in a sentence.
    """
    version = desk_guideline(desk).version
    with desk.room.ledger.deciding() as log:
        found = compare(desk)
        if found is not None and any(change.of_meaning for change in found.changes.changes):
            return (
                f"{version} is not recorded: its text changed since {found.changes.old.version}; "
                "look at it with `weaklabel guideline diff`, then record it with --record"
            )
        new = record_version(desk, log, found)
    return f"{version} is recorded" if new else f"{version} was recorded already"


def line_diff(old: str, new: str, name: str) -> list[str]:
    """Return the lines that differ, with a few around them.

    Examples
    --------
    >>> line_diff("a\\nb\\n", "a\\nc\\n", "guide.md")[3:]
    [' a', '-b', '+c']
    """
    lines = difflib.unified_diff(
        old.splitlines(), new.splitlines(), fromfile=name, tofile=name, lineterm="", n=2
    )
    return list(lines)


def write_guideline(text: str, path: Path) -> None:
    """Write a guideline, whole or not at all; its line ends and permissions stay as they are.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "guide.md"
    >>> written = path.write_bytes(b"old")
    >>> write_guideline("one\\r\\n", path)
    >>> path.read_bytes()
    b'one\\r\\n'
    """
    place = path.resolve()
    temporary = place.with_name(f".{place.name}.{os.getpid()}.tmp")
    with writing(path):
        try:
            temporary.write_bytes(text.encode("utf-8"))
            shutil.copymode(place, temporary)
            sync(temporary)
            temporary.replace(place)
        finally:
            temporary.unlink(missing_ok=True)


def desk_guideline(desk: Desk) -> Guideline:
    """Return the guideline of an opened task."""
    return _shortly_named(guideline_file(desk.config, desk.project), desk.config, desk.room.schema)


def plain_texts(desk: Desk, items: Sequence[str]) -> dict[str, str]:
    """Return texts of the corpus by item, as people see them: without personal data."""
    texts = desk.texts(items)
    gold = desk.config.gold
    secret = desk.secret()  # one secret for all that leaves: equal values look equal everywhere
    shown = redact_column(texts["text"], secret=secret, kinds=gold.redact, custom=gold.patterns)
    return dict(zip(texts["item"], shown.column, strict=True))


def _shortly_named(path: Path, config: Config, schema: Any) -> Guideline:
    """Read a guideline that messages name as the configuration does."""
    guideline = load_guideline(path, schema=schema)
    return parse(guideline.text, schema=schema, name=str(config.task.guideline))


def _notes(guideline: Guideline) -> Iterable[str]:
    if guideline.number == 0:
        yield "it has no version: write a line `Version 1.` above the labels"
    without = [name for name in guideline.schema.names if not guideline.of_label(name).blocks]
    if without:
        yield f"nothing is written on {', '.join(without)}"
    for entry in guideline.entries:
        for name in entry.sections:
            if name.casefold() != "all" and guideline.find(name) is None:
                yield f"line {entry.line}: the change log names a section {name!r} that is not there (any more)"


def _queue(desk: Desk, found: Affected, gold: pl.DataFrame, version: str) -> pl.DataFrame:
    """Return what is looked at again: gold items as such, others by the batch in which they were answered."""
    asked = found.answers.filter(pl.col("queue") & ~pl.col("item").is_in(gold["item"].implode()))
    rows = pl.concat(
        [
            found.gold.filter("queue").select("item", "sections", batch=pl.lit(None, dtype=pl.String)),
            asked.select("item", "sections", "batch"),
        ]
    ).unique(["item", "batch"], keep="first", maintain_order=True)
    there = records.current("queue", desk.room.ledger.records("queue", task=desk.room.task))
    left = rows.join(
        there.filter(pl.col("state") == "open").select("item", "batch"),
        on=["item", "batch"],
        how="anti",
        nulls_equal=True,
        maintain_order="left",
    )
    sections = pl.col("sections").list.join(", ")
    why = pl.concat_str(pl.lit("the guideline changed in "), sections, pl.lit(f" since {version}"))
    return left.select("item", "batch", why=why, state=pl.lit("open"))
