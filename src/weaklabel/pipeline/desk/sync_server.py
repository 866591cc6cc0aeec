"""A sync with a Label Studio server: a project for each person and batch; the server says what it has already."""

from __future__ import annotations

import json
import os
import tempfile
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import polars as pl

from weaklabel.errors import GoldError, WeakLabelError
from weaklabel.export import write_text
from weaklabel.fingerprint import fingerprint
from weaklabel.gold.tools import label_studio
from weaklabel.gold.tools.label_studio_api import CHUNK, KEY, LabelStudio, NoAnswer, Project
from weaklabel.gold.tools.names import ANNOTATOR, ID
from weaklabel.pipeline.desk.room import Desk
from weaklabel.pipeline.desk.syncing import (
    ELSEWHERE,
    Batch,
    Synced,
    SyncSettings,
    counted,
    files_of,
    imported,
    waiting_of,
)

_CLEAR = "the key and the texts go to this server without encryption: is there an https:// address?"
_There = dict[tuple[str, str], list[Project]]


def with_server(desk: Desk, url: str, batches: Mapping[str, Batch], settings: SyncSettings) -> Synced:
    """Fetch answers from a Label Studio server and send it what it lacks; see `weaklabel.pipeline.desk.sync.sync`."""
    server = LabelStudio(url, os.environ.get(KEY, ""))
    server.person()
    marks = {_mark(desk, *pair): pair for pair in _pairs(desk, batches)}
    there: _There = {}
    for project in server.projects():
        pair = next((pair for mark, pair in marks.items() if mark in project.description), None)
        if pair is not None:
            there.setdefault(pair, []).append(project)
    done = Synced(server.url, notes=() if server.private else (_CLEAR,))
    try:
        for pair, projects in sorted(there.items()):
            for project in projects:
                done = _fetched(desk, server, project, pair, settings, done)
        for batch in batches.values():
            done = _all_sent(desk, server, there, batch, done)
    except NoAnswer as error:
        return replace(done, faults=(*done.faults, error))
    return done


def _fetched(
    desk: Desk,
    server: LabelStudio,
    project: Project,
    pair: tuple[str, str],
    settings: SyncSettings,
    done: Synced,
) -> Synced:
    """Import what a person answered in a project; a fault there stops nothing else."""
    try:
        tasks, notes, faults = _of_those_asked(desk, server.answers(project.id), project, pair, settings)
        if faults:
            done = replace(done, faults=(*done.faults, *faults))
        if not any(task["annotations"] for task in tasks):
            return replace(done, notes=(*done.notes, *notes))
        with tempfile.TemporaryDirectory(prefix="weaklabel-sync-") as folder:
            path = Path(folder) / f"project {project.id}.json"
            write_text(json.dumps(tasks, ensure_ascii=False), path)
            return imported(desk, label_studio.NAME, path, settings, done, notes)
    except NoAnswer:
        raise
    except WeakLabelError as error:
        return replace(done, faults=(*done.faults, error))


def _of_those_asked(
    desk: Desk,
    tasks: Sequence[Mapping[str, Any]],
    project: Project,
    pair: tuple[str, str],
    settings: SyncSettings,
) -> tuple[list[dict[str, Any]], list[str], list[GoldError]]:
    """Return the tasks with the answers of people who were asked; the rest is told."""
    batch, annotator = pair
    mine = desk.room.ledger.records("assignment", task=desk.room.task).filter(pl.col("batch") == batch)
    asked = set(mine.select("item", "annotator").iter_rows())
    items = {item for item, _ in asked}
    kept: list[dict[str, Any]] = []
    strange, others = 0, dict[str, int]()
    for task in tasks:
        data = task.get("data")
        item = data.get(ID) if isinstance(data, dict) else None
        given = [one for one in task.get("annotations") or () if isinstance(one, dict)]
        if item not in items:
            strange += len(given)
            continue
        ours = []
        for one in given:
            name = _who(one.get("completed_by"), settings.people)
            if (item, name) in asked:
                ours.append(one)
            else:
                others[name] = others.get(name, 0) + 1
        kept.append({**task, "annotations": ours})
    place = f"project {project.id} ({project.title})"
    notes = (
        [f"{place}: {strange} answers to items that batch {batch!r} does not ask about, left there"]
        if strange
        else []
    )
    faults = [
        GoldError(
            f"{n} answer{'s' * (n != 1)} by {name or 'nobody'!r}, who was not asked about these items, left there",
            where=place,
            hint=f"if this is {annotator!r}: --person {name}={annotator}" if name else None,
        )
        for name, n in sorted(others.items())
    ]
    return kept, notes, faults


def _who(completed_by: Any, people: Mapping[str, str]) -> str:
    """Return the annotator whom an account is, as the import finds it."""
    if isinstance(completed_by, dict):
        names = [str(completed_by[key]) for key in ("email", "username", "id") if completed_by.get(key)]
    else:
        names = [] if completed_by is None else [str(completed_by)]
    return next((people[name] for name in names if name in people), names[0] if names else "")


def _all_sent(desk: Desk, server: LabelStudio, there: _There, batch: Batch, done: Synced) -> Synced:
    waiting = waiting_of(desk, batch)
    if not waiting.height:
        return replace(done, whole=done.whole | {batch.name})
    if batch.elsewhere and not any(pair[0] == batch.name for pair in there):
        return replace(done, notes=(*done.notes, ELSEWHERE.format(batch.name)))
    config = label_studio.labeling_config(desk.room.schema, about=bool(desk.config.gold.fields))
    missing = []
    for (annotator,), rows in waiting.group_by("annotator", maintain_order=True):
        tasks, unanswered = Counter[str](), Counter[str]()
        for project in there.get((batch.name, str(annotator)), ()):
            if not _same(project.config, config):
                what = f"project {project.id} shows other labels or fields than those of now: change its labeling setup"
                done = replace(done, notes=(*done.notes, what))
            found = server.there(project.id)
            tasks.update(found.tasks)
            unanswered.update(found.open)
        asks = rows.select("item", "asks").iter_rows()
        lacks = [tasks[item] < n and not unanswered[item] for item, n in asks]
        missing.append(rows.filter(pl.Series(lacks, dtype=pl.Boolean)))
    return _sent(desk, server, there, batch.name, pl.concat(missing), config, done)


def _sent(
    desk: Desk,
    server: LabelStudio,
    there: _There,
    batch: str,
    missing: pl.DataFrame,
    config: str,
    done: Synced,
) -> Synced:
    """Send what is missing of a batch, person by person; what arrived before a fault is counted."""
    before = len(done.faults)
    if not missing.height:
        return replace(done, whole=done.whole | {batch})
    with tempfile.TemporaryDirectory(prefix="weaklabel-sync-") as folder:
        files = files_of(desk, batch, missing, label_studio.NAME, Path(folder) / "tasks")
        read = [json.loads(p.read_text("utf-8")) for p in files.paths if p.suffix == ".json"]
    done = replace(done, notes=(*done.notes, *files.notes))
    for tasks in sorted(read, key=lambda tasks: str(tasks[0]["data"][ANNOTATOR])):
        annotator, arrived = tasks[0]["data"][ANNOTATOR], 0
        try:
            project, *_ = there.get((batch, annotator)) or [
                server.make(_title(desk, batch, annotator), _description(desk, batch, annotator), config)
            ]
            while arrived < len(tasks):
                server.send(project.id, tasks[arrived : arrived + CHUNK])
                arrived = min(arrived + CHUNK, len(tasks))
        except NoAnswer as error:
            return replace(counted(done, batch, arrived), faults=(*done.faults, error))
        except WeakLabelError as error:
            done = replace(done, faults=(*done.faults, error))
        done = counted(done, batch, arrived)
    return done if len(done.faults) > before else replace(done, whole=done.whole | {batch})


def _title(desk: Desk, batch: str, annotator: str) -> str:
    return f"{desk.room.task} {batch} {annotator}"


def _description(desk: Desk, batch: str, annotator: str) -> str:
    made = f"What {annotator} is asked in batch {batch} of {desk.room.task}, sent by weaklabel."
    return f"{made} Keep this mark: {_mark(desk, batch, annotator)}"


def _mark(desk: Desk, batch: str, annotator: str) -> str:
    """Return what a project is known by; nobody without the secret of our project has the same."""
    return f"weaklabel:{fingerprint([desk.secret(), desk.room.task, batch, annotator])[:20]}"


def _same(there: str, ours: str) -> bool:
    """Say whether two labeling setups ask the same: blanks and the order of attributes aside."""
    try:
        one, other = (ElementTree.canonicalize(text, strip_text=True) for text in (there, ours))
    except ElementTree.ParseError:
        return False
    return one == other


def _pairs(desk: Desk, batches: Iterable[str]) -> list[tuple[str, str]]:
    asked = desk.room.ledger.records("assignment", task=desk.room.task)
    pairs = asked.filter(pl.col("batch").is_in(list(batches))).select("batch", "annotator").unique()
    return sorted((str(batch), str(annotator)) for batch, annotator in pairs.iter_rows())
