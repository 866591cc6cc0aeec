"""The labels of a run, opened to be compared, explained and taken back."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import yaml

from weaklabel.errors import GoldError, ModelError, WeakLabelError, did_you_mean, some
from weaklabel.label_matrix import LabelMatrix
from weaklabel.pipeline.diffing.side import COLUMNS, LAST, LATEST, Int8, Int64, Side
from weaklabel.runs import HOME
from weaklabel.schema import VOTE_PREFIX, LabelSchema


def task_runs(project: Path, task: str) -> list[Path]:
    """Return the folders of a task's runs, the oldest first.

    Examples
    --------
    >>> task_runs(Path("desk"), "mail")
    []
    """
    found = sorted((project / HOME / "runs").glob("[0-9]*/labels.parquet"))
    return [path.parent for path in found if task_of_run(path.parent).get("name") == task]


def open_run_side(task: str, project: Path, name: str) -> Side:
    """Open a run of a task, by its id or `last`.

    Raises
    ------
    GoldError
        There is no such run of the task, or a file of it can't be read.
    """
    folders = {folder.name: folder for folder in task_runs(project, task)}
    if not folders or (name != LAST and name not in folders):
        raise _unknown_run(task, project, name, list(folders))
    folder = folders[list(folders)[-1] if name == LAST else name]
    try:
        meta = json.loads((folder / "model" / "votes.json").read_text(encoding="utf-8"))
        manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise GoldError(
            f"a file of run {folder.name} can't be read: {error}",
            where=str(folder),
            hint="run again: weaklabel run",
        ) from error
    return Side(
        folder.name,
        task,
        pl.scan_parquet(folder / "labels.parquet").select(COLUMNS),
        LabelSchema.from_dict(meta["schema"]).names,
        folder / "model" / "model",
        {k: str(v) for k, v in manifest.get("fingerprints", {}).items() if v},
        task_of_run(folder).get("threshold"),
        _votes_of_run,
        folder=folder,
    )


def _unknown_run(task: str, project: Path, name: str, known: list[str]) -> WeakLabelError:
    other = project / HOME / "runs" / name
    if name != LAST and (other / "labels.parquet").is_file():
        return GoldError(
            f"run {name} is of task {task_of_run(other).get('name')!r}, not {task!r}",
            available=known[-5:],
            hint=f"say task={task_of_run(other).get('name')}, and compare labels of one task",
        )
    if not known:
        return GoldError(f"there is no run of task {task!r}", hint=f"weaklabel run task={task}")
    return GoldError(
        f"no run {name!r} of task {task!r}",
        available=[*known[-5:], LAST, "v1", LATEST],
        hint=did_you_mean(name, [*known, LAST, LATEST]) or "a run's id, or a version of the label table: v1",
    )


def task_of_run(folder: Path) -> dict[str, Any]:
    """Return what a run's configuration says of its task; nothing where it can't be read.

    Examples
    --------
    >>> task_of_run(Path("desk"))
    {}
    """
    try:
        said = yaml.safe_load((folder / "config.yaml").read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError):
        return {}
    task = said.get("task", {}) if isinstance(said, dict) else {}
    return task if isinstance(task, dict) else {}


def run_votes(side: Side, columns: Sequence[str]) -> pl.LazyFrame:
    """Return id and the votes of some rules on each row of a run, lazily.

    Raises
    ------
    VotesError
        They are not there any more.
    """
    assert side.folder is not None
    votes = LabelMatrix.scan(side.folder / "votes")  # says so where there are none
    names = [f"{VOTE_PREFIX}{rule}" for rule in votes.keep(columns).labelers]
    return pl.scan_parquet(side.folder / "votes" / "*.parquet").select("id", *names)


def _votes_of_run(side: Side, keys: Int64) -> Int8:
    """Read the votes on one row of each pattern."""
    unique = pl.Series("pattern", np.unique(keys), dtype=pl.Int64)
    labelers = side.model.labelers_
    held = side.labels.select("id", "pattern").join(unique.to_frame().lazy(), on="pattern", how="semi")
    rows = held.group_by("pattern").agg(pl.col("id").min())
    found = run_votes(side, labelers).join(rows, on="id", how="inner").collect(engine="streaming")
    strange = unique.filter(~unique.is_in(found["pattern"].implode()))
    if len(strange):
        raise ModelError(
            f"{side.told}: {len(strange)} vote patterns of its labels are not among its votes: {some(strange)}",
            hint="its files have been changed since; make the labels again",
        )
    votes = found.sort("pattern").select(f"{VOTE_PREFIX}{rule}" for rule in labelers).to_numpy()
    return np.ascontiguousarray(votes[np.searchsorted(unique.to_numpy(), keys)], np.int8)
