"""Erasing from what runs left behind: their folders, sweeps, and what is logged to MLflow."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from pathlib import Path

from weaklabel.pipeline.erasing.files import (
    WORDS,
    holds,
    mentions,
    note_erasure,
    replace,
    tables,
    task_of,
    without_name,
    without_row,
    words_of,
)
from weaklabel.pipeline.erasing.wanted import Found, Wanted
from weaklabel.pipeline.whole import tracking_store
from weaklabel.tracking import Store, TrackingError, logged_runs


def in_runs(wanted: Wanted, really: bool) -> Found:
    """Take an item's row out of the labels and votes of every run of the task, names out of its words; say so there."""
    found, left = [], []
    for folder in sorted((wanted.home / "runs").glob("[!.]*/")):
        if wanted.kind == "item" and task_of(folder) not in (None, wanted.config.task.name):
            continue
        rows = [path for path in tables(folder) if wanted.kind == "item" and holds(path, wanted.id)]
        words = [
            path for path in sorted(folder.rglob("*")) if path.is_file() and path not in [*tables(folder)]
        ]
        changed, still = _worded(wanted, words)
        left += [f"runs/{path.relative_to(folder.parent)} names it" for path in still]
        if rows or changed:
            found.append(folder.name)
        if (rows or changed) and really:
            note_erasure(folder, wanted.note)  # first, so that it stands there even if this is broken off
            for path in rows:
                without_row(path, wanted.id)
            _rewrite(changed, wanted.id)
            note_erasure(folder, wanted.note)
    left += [
        f"{folder.name} is a run that goes on or was killed: if it was killed, delete the folder"
        for folder in (wanted.home / "runs").glob(".building-*/")
    ]
    named = "its row in" if wanted.kind == "item" else "its name in the configuration of"
    what = f"{named} {len(found)} runs: {', '.join(found)}" if found else "in no run"
    return Found("runs", len(found), what, tuple(left))


def in_sweeps(wanted: Wanted, really: bool) -> Found:
    """Take names out of the results of sweeps, where somebody typed them."""
    home = wanted.home / "sweeps"
    changed, still = _worded(wanted, [path for path in sorted(home.rglob("*")) if path.is_file()])
    if really:
        _rewrite(changed, wanted.id)
    left = [f"sweeps/{path.relative_to(home)} names it" for path in still]
    what = f"{len(changed)} files of sweeps that name it" if changed else "in no sweep"
    return Found("sweeps", len(changed), what, tuple(left))


def in_mlflow(wanted: Wanted, really: bool) -> Found:
    """Take names out of logged artifacts; parameters and tags of MLflow can't be changed, so these runs are named."""
    store = tracking_store(wanted.config, wanted.project)
    if store is None:
        return Found("mlflow", 0, "runs are not logged")
    try:
        return _in_store(wanted, store, really)
    except TrackingError as error:
        hint = "erase once more when it answers"
        return Found("mlflow", 0, "could not be looked at", (f"MLflow at {store.uri}: {error.what}; {hint}",))


def _in_store(wanted: Wanted, store: Store, really: bool) -> Found:
    count, left, names = 0, [], []
    with tempfile.TemporaryDirectory() as temporary, logged_runs(store) as runs:
        for run in runs:
            files = {path: Path(temporary) / run.run_id / path for path in run.files()}
            for path, file in files.items():
                file.parent.mkdir(parents=True, exist_ok=True)
                if file.suffix in WORDS:
                    run.fetch(path, file.parent)
            changed, still = _worded(wanted, [file for file in files.values() if file.exists()])
            at = {file: path for path, file in files.items()}
            left += [f"MLflow run {run.name} ({run.run_id}): {at[file]} names it" for file in still]
            said = [line.split("=")[0] for line in run.words if mentions(line, wanted.id)]
            if said:
                hint = "MLflow can't change them: delete the run, then mlflow gc"
                left.append(f"MLflow run {run.name} ({run.run_id}) names it in {', '.join(said)}; {hint}")
            count += len(changed)
            names += [run.name] if changed else []
            if really and changed:
                _rewrite(changed, wanted.id)
                _note_copy(at, wanted.note)
                for file in {
                    *changed,
                    *(file for file in at if file.name == "manifest.json" and file.exists()),
                }:
                    run.put(file, at[file])
    what = f"{count} artifacts of {len(names)} runs: {', '.join(names)}" if count else "in no artifact"
    return Found("mlflow", count, what, tuple(left))


def _note_copy(files: Iterable[Path], note: str) -> None:
    """Say in the logged copy of a run's manifest that something was erased."""
    for folder in {file.parent for file in files if file.name == "manifest.json" and file.exists()}:
        note_erasure(folder, note)


def _worded(wanted: Wanted, files: Iterable[Path]) -> tuple[list[Path], list[Path]]:
    """Return the files of words from which a name can be taken out, and those that then name it still.

    An item that is called as a label, a rule or a column is not taken out: the words mean that.
    """
    changed, still = [], []
    for path in files:
        words = words_of(path)
        if not mentions(words, wanted.id):
            continue
        after = None if wanted.id in wanted.vocabulary else without_name(path, wanted.id)
        if after is not None:
            changed.append(path)
        if mentions(words if after is None else after, wanted.id):
            still.append(path)
    return changed, still


def _rewrite(files: Iterable[Path], id: str) -> None:
    for path in files:
        after = without_name(path, id)
        if after is not None:
            replace(path, after)
