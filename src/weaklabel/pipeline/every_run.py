"""What every run does, whatever its labels are: it checks gold, keeps its settings, and says what it was made from."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import polars as pl

from weaklabel.config import of_run, plain, to_yaml
from weaklabel.errors import GoldError
from weaklabel.export import write_text, writing
from weaklabel.fingerprint import fingerprint
from weaklabel.gold import Gold
from weaklabel.gold.tag_gold import TagGold
from weaklabel.label_matrix import LabelMatrix
from weaklabel.pipeline.task import Task
from weaklabel.pipeline.votes import Observer
from weaklabel.settings import Config

Filling = Callable[[Path, str, Observer, Mapping[str, str]], dict[str, Any]]
"""Fills a run's folder, given the run's id, an observer, and further text files; returns what its result says of it."""


def tell_nobody(step: str, done: int, total: int) -> None:
    """Stand in for an observer."""


def check_gold(gold: Gold | TagGold, source: str, votes: LabelMatrix) -> None:
    """Raise unless every gold id is an id of the corpus."""
    try:
        gold.join(votes.ids)
    except GoldError as error:
        error.where = error.where or source
        raise


def write_settings(folder: Path, config: Config, extra: Mapping[str, str]) -> None:
    """Write a run's settings, and further text files, into its folder."""
    for file, content in {"config.yaml": to_yaml(of_run(config)), **extra}.items():
        with writing(folder / file):
            (folder / file).parent.mkdir(exist_ok=True)
        write_text(content, folder / file)


def status_counts(labels: pl.DataFrame) -> dict[str, int]:
    """Return how many rows have each status.

    Examples
    --------
    >>> status_counts(pl.DataFrame({"status": ["tie", "labeled", "tie"]}))
    {'labeled': 1, 'tie': 2}
    """
    counts = dict(labels["status"].value_counts().iter_rows())
    return {status: int(counts[status]) for status in sorted(counts)}


def fingerprints_of(task: Task, gold: Gold | TagGold | None) -> dict[str, str | None]:
    """Return hashes of all that a run's labels were made from."""
    return {
        "corpus": task.corpus.fingerprint,
        "rules": task.registry.fingerprint,
        "schema": fingerprint(task.schema.to_dict()),
        "model": fingerprint([plain(task.config.label_model), task.config.calibrator]),
        "gold": gold.fingerprint if gold else None,
        "config": fingerprint(_without_engine(task.config)),
    }


def _without_engine(config: Config) -> dict[str, Any]:
    """Return what decides the labels: neither how the work is spread nor where it is logged."""
    return {
        key: value
        for key, value in plain(config).items()
        if key not in ("engine", "tracking", "plots", "gold", "audit", "relabel", "storage")
    }
