"""Where a task's label table, its patterns, its models and the working files of its relabelings lie."""

from __future__ import annotations

import time
from pathlib import Path

from weaklabel.runs import HOME
from weaklabel.settings import Config
from weaklabel.store.label_table import LabelTable
from weaklabel.store.pattern_table import PatternTable

LABELS, PATTERNS, RELABEL, MODELS = "labels", "patterns", "relabel", "models"
"""Folders below the project's output folder; each holds a folder for each task."""


def open_label_table(config: Config, project: Path) -> LabelTable:
    """Return the label table of a task: `relabel.table`, or the project's own.

    Examples
    --------
    >>> config = Config()
    >>> config.task.name = "sms"
    >>> open_label_table(config, Path("/desk")).root
    '/desk/.weaklabel/labels/sms'
    >>> config.relabel.table = "s3://desk/labels"
    >>> open_label_table(config, Path("/desk")).root
    's3://desk/labels'
    """
    return LabelTable(table_root(config, project), storage=config.storage)


def open_pattern_table(config: Config, project: Path) -> PatternTable:
    """Return the pattern table of a task; it lies beside the label table.

    Examples
    --------
    >>> config = Config()
    >>> config.task.name = "sms"
    >>> open_pattern_table(config, Path("/desk")).root
    '/desk/.weaklabel/patterns/sms'
    """
    if config.relabel.table:
        return PatternTable(f"{table_root(config, project).rstrip('/')}-patterns", storage=config.storage)
    return PatternTable(project / HOME / PATTERNS / config.task.name, storage=config.storage)


def table_root(config: Config, project: Path) -> str:
    """Return the folder or URL of a task's label table.

    Examples
    --------
    >>> config = Config()
    >>> config.relabel.table = "out/labels"
    >>> table_root(config, Path("/desk"))
    '/desk/out/labels'
    """
    given = config.relabel.table
    if given and "://" in given:
        return given
    return str(project / given if given else project / HOME / LABELS / config.task.name)


def working_files(config: Config, project: Path) -> Path:
    """Return the folder in which relabelings of a task keep their working files, a folder for each job."""
    return project / HOME / RELABEL / config.task.name


def models_folder(config: Config, project: Path) -> Path:
    """Return the folder of a task's models, a folder for each version."""
    return project / HOME / MODELS / config.task.name


def jobs_that_go_on(config: Config, project: Path, *, hours: float) -> frozenset[str]:
    """Return the jobs in whose working files something was written within the last hours.

    Examples
    --------
    >>> jobs_that_go_on(Config(), Path("/no/such/desk"), hours=1)
    frozenset()
    """
    since = time.time() - hours * 3600
    folders = (folder for folder in working_files(config, project).glob("*/") if folder.is_dir())
    return frozenset(
        folder.name
        for folder in folders
        if any(path.stat().st_mtime >= since for path in (folder, *folder.rglob("*")))
    )
