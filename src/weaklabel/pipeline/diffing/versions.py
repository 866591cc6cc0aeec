"""A version of the label table, opened to be compared, explained and taken back."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from weaklabel.errors import GoldError, ModelError
from weaklabel.pipeline.diffing.runs import task_of_run
from weaklabel.pipeline.diffing.side import COLUMNS, Int8, Int64, Side
from weaklabel.runs import HOME
from weaklabel.settings import Config


def table_root(config: Config, project: Path) -> str | Path:
    """Return where a task's label table lies: a folder, or a URL.

    Examples
    --------
    >>> config = Config()
    >>> config.task.name = "spam"
    >>> table_root(config, Path("desk")).as_posix()
    'desk/.weaklabel/labels/spam'
    """
    given = config.relabel.table
    if given is None:
        return project / HOME / "labels" / config.task.name
    return given if "://" in given else project / given


def label_table(config: Config, project: Path) -> Any:
    """Return a task's label table; it may have no version yet."""
    from weaklabel.store.label_table import LabelTable

    return LabelTable(table_root(config, project), storage=dict(config.storage))


def pattern_table(config: Config, project: Path) -> Any:
    """Return the table of votes behind the pattern keys of a task's label table."""
    from weaklabel.store.pattern_table import PatternTable

    root = table_root(config, project)
    if config.relabel.table is None:
        return PatternTable(project / HOME / "patterns" / config.task.name, storage=dict(config.storage))
    place = f"{root}-patterns" if isinstance(root, str) else root.with_name(f"{root.name}-patterns")
    return PatternTable(place, storage=dict(config.storage))


def open_version(config: Config, project: Path, number: int | None) -> Side:
    """Open a version of the label table; None: the newest.

    Raises
    ------
    WeakLabelError
        There is no label table, or no such version.
    """
    table = label_table(config, project)
    newest = table.version()
    if newest is None:
        raise GoldError(
            f"there is no label table of task {config.task.name!r}",
            where=str(table_root(config, project)),
            hint=f"weaklabel relabel task={config.task.name}",
        )
    number = newest if number is None else number
    told = table.metadata(number)
    task = config.task.name
    model = told.get("model", "")
    folder = project / HOME / "models" / task / model
    return Side(
        f"v{number}",
        task,
        table.scan(number).select(COLUMNS),
        tuple(json.loads(told.get("labels") or "[]")),
        None if not model else folder / "model" if (folder / "model").is_dir() else folder,
        {k: told[k] for k in ("corpus", "rules", "schema", "model", "gold") if told.get(k)},
        _threshold_of(config, project, told),
        lambda side, keys: _votes_of_table(pattern_table(config, project), side, keys),
        version=number,
        marks=json.loads(told.get("rule_fingerprints") or "{}"),
    )


def _threshold_of(config: Config, project: Path, told: Mapping[str, str]) -> float | None:
    """Return the threshold that a version was made with: as the commit or its run says, else as it is set now."""
    if "threshold" in told:
        return float(told["threshold"]) if told["threshold"] else None
    said = task_of_run(project / HOME / "runs" / told.get("run_id", "-"))
    found = said.get("threshold", config.task.threshold)
    return None if found is None else float(found)


def _votes_of_table(table: Any, side: Side, keys: Int64) -> Int8:
    unique = np.unique(keys)
    found = table.votes_of(unique.tolist())
    if found.height < len(unique):
        raise ModelError(
            f"{side.told}: the votes of {len(unique) - found.height} vote patterns are not kept",
            hint="weaklabel relabel writes them again",
        )
    place = {name: j for j, name in enumerate(side.model.labelers_)}
    long = found.explode("lfs", "votes").drop_nulls("lfs")
    long = long.filter(pl.col("lfs").is_in(list(place)))
    dense = np.repeat(np.asarray(side.model.silence_, np.int8)[None, :], len(unique), axis=0)
    rows = np.searchsorted(unique, long["pattern"].to_numpy())
    who = long["lfs"].replace_strict(place, return_dtype=pl.Int64).to_numpy() if long.height else rows
    dense[rows, who] = long["votes"].to_numpy()
    return dense[np.searchsorted(unique, keys)]
