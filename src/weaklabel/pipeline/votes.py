"""Votes: the rules over the corpus, shard by shard, on any engine."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from weaklabel import engines
from weaklabel.apply import LFApplier
from weaklabel.config_errors import as_settings
from weaklabel.corpus import Corpus, Shard
from weaklabel.label_matrix import LabelMatrix
from weaklabel.lf import LFRegistry
from weaklabel.pipeline.task import Task, make_applier, open_registry
from weaklabel.settings import Config

Observer = Callable[[str, int, int], None]
"""Called with a step's name, how much of it is done, and how much there is."""


@dataclass(frozen=True)
class VoteTask:
    """What every worker of a vote runs: `VoteTask(...)()` loads the rules once and gives the function for shards.

    Parameters
    ----------
    config
        Names the rules; every worker loads them for itself.
    project
        Folder that its paths are relative to.
    corpus
        The rows.
    folder
        Where parts go.

    Examples
    --------
    >>> import tempfile
    >>> from weaklabel.config import load
    >>> from weaklabel.pipeline import open_task
    >>> from weaklabel.templates import write_project
    >>> project = write_project(Path(tempfile.mkdtemp()) / "desk")
    >>> task = open_task(load(project), project)
    >>> work = VoteTask(task.config, task.project, task.corpus, Path(tempfile.mkdtemp()))()
    >>> work((0, task.corpus.shards()[0]))
    {'rows': 30, 'nan': {}}
    """

    config: Config
    project: Path
    corpus: Corpus
    folder: Path

    def __call__(self) -> Callable[[tuple[int, Shard]], dict[str, Any]]:
        """Load the rules and return the function that votes on one numbered shard."""
        registry = open_registry(self.config, self.project).active()
        applier = make_applier(self.config, registry, self.project)
        return lambda item: self._vote(registry, applier, *item)

    def _vote(self, registry: LFRegistry, applier: LFApplier, number: int, shard: Shard) -> dict[str, Any]:
        frame = self.corpus.read(shard)
        with as_settings("task", ["on_error"]):
            votes = applier.apply(frame, id="id")
        votes.write(self.folder / f"part-{number:05}.parquet")
        return {"rows": frame.height, "nan": _nan_counts(frame, registry)}


def _nan_counts(frame: pl.DataFrame, registry: LFRegistry) -> dict[str, int]:
    read = {name for rule in registry.rules for name in (*rule.fields, *rule.reads)}
    floats = [name for name in frame.columns if name in read and frame[name].dtype.is_float()]
    return {name: int(frame[name].is_nan().sum()) for name in floats}


def vote(task: Task, folder: Path, *, observer: Observer | None = None) -> tuple[LabelMatrix, dict[str, int]]:
    """Run the rules over the corpus, shard by shard, into a folder of parts.

    Returns
    -------
    The votes, scanned from the folder, and the number of NaN per column that a rule reads.

    Examples
    --------
    >>> import tempfile
    >>> from weaklabel.config import load
    >>> from weaklabel.pipeline import open_task
    >>> from weaklabel.templates import write_project
    >>> project = write_project(Path(tempfile.mkdtemp()) / "desk")
    >>> votes, nan = vote(open_task(load(project), project), Path(tempfile.mkdtemp()))
    >>> votes.labelers, len(votes.ids), nan
    (('grumbles', 'asks', 'says_thanks'), 30, {})
    """
    options = dict(task.config.engine)
    engine = engines.create(options.pop("name"), **options)
    shards = list(enumerate(task.corpus.shards()))
    make = VoteTask(task.config, task.project, task.corpus, folder)
    nan: dict[str, int] = {}
    for done, (_, part) in enumerate(engine.map(make, shards), 1):
        if isinstance(part, engines.Lost):
            raise part
        for name, count in part["nan"].items():
            nan[name] = nan.get(name, 0) + count
        if observer:
            observer("rules vote", done, len(shards))
    return LabelMatrix.scan(folder), {name: count for name, count in sorted(nan.items()) if count}
