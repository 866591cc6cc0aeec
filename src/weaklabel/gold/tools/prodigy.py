"""Prodigy: tasks for the choice interface out, what `db-out` writes back."""

from __future__ import annotations

import json
import re
import shlex
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl

from weaklabel.fingerprint import event_hash, fingerprint
from weaklabel.gold.tools.files import READERS, Record, tool_files
from weaklabel.gold.tools.incoming import Asked, Faults, Given, ToolAnswers, settle
from weaklabel.gold.tools.names import ID
from weaklabel.gold.tools.outgoing import Row, choices, outgoing
from weaklabel.gold.tools.values import assigned, carried, moment, ours
from weaklabel.gold.tools.writing import ToolFiles, free_names, json_lines, write_folder
from weaklabel.schema import LabelSchema

NAME = "prodigy"
CONFIG = "prodigy.json"
_NO_PERSON = re.compile(r"(^|-)\d{4}-\d\d-\d\d_\d\d-\d\d-\d\d$")
_FLAGGED = "flagged in the tool"


def write(
    items: pl.DataFrame,
    *,
    schema: LabelSchema,
    folder: str | Path,
    id: str = "id",
    text: str = "text",
    fields: Sequence[str] = (),
    batch: str | None = None,
    guideline: str | None = None,
    suggestions: pl.DataFrame | None = None,
    assignment: pl.DataFrame | None = None,
    extras: Sequence[str] = ("none", "unsure"),
) -> ToolFiles:
    """Write tasks for Prodigy's choice interface, its settings, and the commands that start it.

    Each task has a hash of its own, made from the item's id, so that Prodigy does not drop an item whose text another
    item has too.

    Parameters
    ----------
    items, schema, id, text, fields, batch, guideline, suggestions, assignment, extras
        As `outgoing` takes them. A suggestion is a choice that is made already.
    folder
        A new folder.

    Raises
    ------
    Problems
        Something is wrong with the items.
    OutputError
        The folder is not empty or can't be written.

    Examples
    --------
    >>> import tempfile
    >>> items = pl.DataFrame({"id": ["a"], "text": ["hello"]})
    >>> write(items, schema=LabelSchema(["ham", "spam"]), folder=tempfile.mkdtemp()).files
    ('items.jsonl', 'prodigy.json', 'README.md')
    """
    out = outgoing(
        items,
        schema=schema,
        id=id,
        text=text,
        fields=fields,
        batch=batch,
        guideline=guideline,
        suggestions=suggestions,
        assignment=assignment,
        extras=extras,
    )
    options = [{"id": name, "text": name} for name, _ in choices(schema, extras)]
    texts = {
        f"{stem}.jsonl": json_lines(_written(row, options) for row in rows)
        for stem, (_, rows) in out.files.items()
    }
    settings = {"choice_style": "single" if schema.exclusive else "multiple", "choice_auto_accept": False}
    people = {f"{stem}.jsonl": annotator for stem, (annotator, _) in out.files.items()}
    texts |= {
        CONFIG: json.dumps(settings, indent=2) + "\n",
        "README.md": _readme(people, batch or schema.name or "answers"),
    }
    return write_folder(folder, texts, out.notes)


def read(
    path: str | Path | Sequence[str | Path],
    *,
    schema: LabelSchema,
    batch: str | None = None,
    guideline: str | None = None,
    annotator: str | None = None,
    people: Mapping[str, str] | None = None,
    by_text: pl.DataFrame | None = None,
    dataset: str | None = None,
) -> ToolAnswers:
    """Read what Prodigy's `db-out` writes.

    Binary questions of one person about one item make one answer: an accepted label is a `label`; rejected ones are
    `not`, or `none` when all labels were rejected; `ignore` is a skip. In the choice interface nothing chosen is
    `none`; a rejected choice rejects the question, which is no class, and counts as a skip.

    Parameters
    ----------
    path
        A file, a folder of them, or several.
    schema, batch, guideline, annotator, people, by_text
        As in `Asked`. A person is a named session; a session without a name is nobody: then it is the person whom the
        item was meant for, or `annotator`.
    dataset
        Prodigy's data set: its name is taken off the sessions' ("support-ann" is "ann").

    Raises
    ------
    GoldError
        A file can't be read.
    Problems
        Labels, items or people that can't be found.

    Examples
    --------
    >>> import tempfile
    >>> file = Path(tempfile.mkdtemp()) / "out.jsonl"
    >>> _ = file.write_text(json.dumps({"text": "hello", "label": "spam", "answer": "reject", "_timestamp": 1795255200,
    ...     "_annotator_id": "mail-ann", "meta": {"weaklabel_id": "a"}}))
    >>> back = read(file, schema=LabelSchema(["ham", "spam", "other"]), dataset="mail")
    >>> back.frame.select("item", "annotator", "kind", "labels").rows()
    [('a', 'ann', 'not', ['spam'])]
    """
    asked = Asked(schema, batch, guideline, annotator, people or {}, by_text)
    faults, left_out = Faults(), Counter[str]()
    given: list[Given] = []
    asked_one_by_one: dict[tuple[Any, ...], list[tuple[str, Given]]] = {}
    for file in tool_files(path, (".jsonl", ".json", ".ndjson", ".zip"), skip=(CONFIG,)):
        for record in READERS[file.suffix](file):
            one = _answer(record, dataset, left_out, faults)
            if one is None:
                continue
            if not _is_binary(record.data):
                given.append(one)
                continue
            who = (one.item or record.data.get("_input_hash") or one.text, one.people, one.batch)
            if who not in asked_one_by_one:
                given.append(one)
            asked_one_by_one.setdefault(who, []).append((str(record.data.get("answer")), one))
    together = {id(each[0][1]): _together(each, schema, left_out) for each in asked_one_by_one.values()}
    return settle(NAME, [together.get(id(one), one) for one in given], asked, left_out, faults)


def _written(row: Row, options: Iterable[Mapping[str, str]]) -> dict[str, Any]:
    number = event_hash(row.id, 0)
    task: dict[str, Any] = {
        "text": row.text,
        "options": list(options),
        "meta": {**free_names(row.fields, ()), **row.ours},
        "_input_hash": number % 2**31,
        "_task_hash": (number >> 32) % 2**31,
    }
    return task if row.suggestion is None else {**task, "accept": list(row.suggestion)}


def _readme(people: Mapping[str, str | None], dataset: str) -> str:
    name = re.sub(r"[^\w.]+", "_", dataset)
    lines = []
    for file, annotator in people.items():
        command = f"prodigy mark {shlex.quote(name)} {shlex.quote(file)} --view-id choice"
        lines.append(f"    {command}" + ("" if annotator is None else f"    # for {annotator}"))
    return (
        "# For Prodigy\n\n"
        f"Start it in this folder, where `{CONFIG}` says how many choices may be made; one server for each file:\n\n"
        + "\n".join(lines)
        + "\n\nEverybody opens their server's address with their name at its end: `?session=NAME`. Without a name\n"
        "nobody can say who answered.\n\n"
        f"Answers come out with `prodigy db-out {shlex.quote(name)} > answers.jsonl`.\n"
    )


def _is_binary(data: Mapping[str, Any]) -> bool:
    return "label" in data and "options" not in data and "accept" not in data


def _answer(record: Record, dataset: str | None, left_out: Counter[str], faults: Faults) -> Given | None:
    data, place = record.data, record.place
    answer = data.get("answer")
    spans = data.get("spans")
    left_out["spans, left out (only labels of whole texts are read)"] += (
        len(spans) if isinstance(spans, list) else 0
    )
    if answer is None:
        left_out["tasks without an answer, left out"] += 1
        return None
    if answer not in ("accept", "reject", "ignore"):
        faults.add(f"unknown answer {answer!r}", place, available=("accept", "reject", "ignore"))
        return None
    choice = "accept" in data or "options" in data
    if not choice and "label" not in data:
        left_out["answers to tasks without labels, left out"] += 1
        return None
    labels = _chosen(data) if choice else (str(data["label"]),)
    if answer == "ignore":
        kind = "skip"
    elif choice and answer == "reject":
        left_out["choices rejected as a question, read as skips"] += 1
        kind = "skip"
    elif choice:
        kind = "label" if labels else "none"
    else:
        kind = "label" if answer == "accept" else "not"
    try:
        at = moment(data.get("_timestamp"))
    except ValueError:
        faults.add(f"not a time: {data['_timestamp']!r}", place)
        return None
    meta = data["meta"] if isinstance(data.get("meta"), dict) else {}
    who = _people(data, dataset)
    task = data.get("_task_hash")
    return Given(
        place,
        ours(meta, ID) or ours(data, ID),
        data["text"] if isinstance(data.get("text"), str) else None,
        who or assigned(meta),
        kind,
        labels if kind in ("label", "not") else (),
        own=None if task is None else fingerprint([task, list(who), at and str(at)]),
        at=at,
        comment=_comment(data),
        **carried(meta),
    )


def _chosen(data: Mapping[str, Any]) -> tuple[str, ...]:
    """Return what was chosen: options by their id, or by their text where the id is a number."""
    accept = data.get("accept")
    chosen = accept if isinstance(accept, list) else [] if accept is None else [accept]
    options = [option for option in data.get("options") or () if isinstance(option, dict)]
    texts = {
        option.get("id"): option.get("text") for option in options if not isinstance(option.get("id"), str)
    }
    return tuple(str(texts.get(each) or each) for each in chosen)


def _people(data: Mapping[str, Any], dataset: str | None) -> tuple[str, ...]:
    """Return the names of a session; none for a session that nobody named: its name is a time."""
    names = []
    for key in ("_annotator_id", "_session_id"):
        name = data.get(key)
        if name in (None, "") or _NO_PERSON.search(str(name)):
            continue
        if dataset is not None and str(name) == dataset:
            continue
        if dataset is not None and str(name).startswith(f"{dataset}-"):
            names.append(str(name)[len(dataset) + 1 :])
        names.append(str(name))
    return tuple(dict.fromkeys(names))


def _comment(data: Mapping[str, Any]) -> str | None:
    found = [str(data[key]) for key in ("comment", "user_input") if data.get(key) not in (None, "")]
    if data.get("flagged") is True and not found:
        found = [_FLAGGED]
    return "\n".join(found) or None


def _together(answers: Sequence[tuple[str, Given]], schema: LabelSchema, left_out: Counter[str]) -> Given:
    """Return one answer from a person's answers about one item's labels, of each label the latest."""
    early = datetime.min.replace(tzinfo=UTC)
    in_time = sorted((one for _, one in answers), key=lambda one: one.at or early)
    last = in_time[-1]
    decided = {one.labels[0]: one.kind for one in in_time if one.kind != "skip"}
    accepted = tuple(label for label, kind in decided.items() if kind == "label")
    left_out["yes-or-no answers put together with others about the same item"] += len(answers) - 1
    if not decided:
        return last
    rejected = tuple(label for label in decided if label not in accepted)
    every = {schema.label(schema.code(label)) for label in rejected if label in schema} == set(schema.names)
    comments = "\n".join(dict.fromkeys(one.comment for one in in_time if one.comment is not None))
    owns = [one.own for one in in_time]
    return replace(
        last,
        place=in_time[0].place if len(in_time) == 1 else last.place,
        kind="label" if accepted else "none" if every else "not",
        labels=accepted or (() if every else rejected),
        own=None if None in owns else owns[0] if len(owns) == 1 else fingerprint(owns),
        comment=comments or None,
    )
