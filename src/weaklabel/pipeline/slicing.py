"""A task's slices: SQL conditions, and what rules and Snorkel's slicing functions take in."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from weaklabel.apply import LFApplier
from weaklabel.corpus import Corpus
from weaklabel.errors import ConfigError, did_you_mean
from weaklabel.lf import LabelingFunction, LFRegistry
from weaklabel.lf.slices import INSIDE, slice_registry
from weaklabel.pipeline.task import make_applier, open_registry
from weaklabel.settings import Config
from weaklabel.slices import Slices

RULE = "rule"
_COLUMN = "slice by rule:"


@dataclass(frozen=True)
class Sliced:
    """A task's slices, and the rows that they look at; made by `task_slices`.

    Parameters
    ----------
    slices
        Name -> condition, as `weaklabel.evaluate` takes it.
    frame
        All rows; None: there are no slices.
    """

    slices: Slices
    frame: pl.LazyFrame | None

    def __bool__(self) -> bool:
        return bool(self.slices)


def slice_names(config: Config, registry: LFRegistry) -> tuple[str, ...]:
    """Return the names of a task's slices: those of its settings, then its rules of the state "slice".

    Examples
    --------
    >>> from weaklabel.lf import where
    >>> from weaklabel.schema import LabelSchema
    >>> rules = LFRegistry([where("short", "length(text) < 40", state="slice")], schema=LabelSchema(["ham", "spam"]))
    >>> slice_names(Config(), rules)
    ('short',)
    """
    return (*config.task.slices, *(rule.id for rule in _free(config, registry)))


def task_slices(config: Config, project: Path, corpus: Corpus, registry: LFRegistry | None = None) -> Sliced:
    """Return a task's slices over its corpus.

    Parameters
    ----------
    config, project
        The task.
    corpus
        Its rows.
    registry
        All its rules, those that rest too; None: they are read.

    Raises
    ------
    ConfigError
        A slice names a rule that is not there.
    """
    registry = open_registry(config, project) if registry is None else registry
    frames = (corpus.read(shard) for shard in corpus.shards())
    return _sliced(config, project, registry, corpus.scan(), frames)


def table_slices(config: Config, project: Path, table: pl.DataFrame) -> Sliced:
    """Return a task's slices over a table that has an id and the columns that they read."""
    return _sliced(config, project, open_registry(config, project), table.lazy(), [table])


def _sliced(
    config: Config,
    project: Path,
    registry: LFRegistry,
    rows: pl.LazyFrame,
    frames: Iterable[pl.DataFrame],
) -> Sliced:
    by_rule = _rules(config, registry)
    slices: dict[str, Any] = {name: how for name, how in config.task.slices.items() if isinstance(how, str)}
    if not by_rule:
        return Sliced(slices, rows if slices else None)
    members = _members(config, project, registry, by_rule, frames)
    named = {name: pl.col(f"{_COLUMN}{name}") for name in by_rule}
    slices = {name: named.get(name, slices.get(name)) for name in slice_names(config, registry)}
    return Sliced(slices, rows.join(members.lazy(), on="id", how="left"))


def _free(config: Config, registry: LFRegistry) -> list[LabelingFunction]:
    """Return the rules of the state "slice" that no setting gives another name."""
    named = {str(how.get(RULE)) for how in config.task.slices.values() if isinstance(how, Mapping)}
    return [rule for rule in registry if rule.state == "slice" and not {rule.id, rule.name} & named]


def _rules(config: Config, registry: LFRegistry) -> dict[str, LabelingFunction]:
    """Return the rule behind each slice that is one's."""
    found = {}
    for name, how in config.task.slices.items():
        if not isinstance(how, Mapping):
            continue
        rule = str(how[RULE])
        if rule not in registry:
            hint = did_you_mean(rule, registry.ids)
            raise ConfigError(
                f"task.slices.{name}: there is no rule {rule!r}", available=registry.ids, hint=hint
            )
        found[name] = registry[rule]
    return found | {rule.id: rule for rule in _free(config, registry)}


def _members(
    config: Config,
    project: Path,
    registry: LFRegistry,
    by_rule: Mapping[str, LabelingFunction],
    frames: Iterable[pl.DataFrame],
) -> pl.DataFrame:
    """Return `id` and a column for each slice that is a rule's: whether a row is in it."""
    own = {rule.id for rule in by_rule.values() if rule.state == "slice"}
    voting = {rule.id for rule in by_rule.values()} - own
    appliers: list[tuple[LFApplier, int]] = []
    if own:
        rules = slice_registry([rule for rule in registry if rule.id in own], registry.features)
        appliers.append((make_applier(config, rules, project), INSIDE))
    if voting:
        appliers.append((make_applier(config, registry.subset(voting), project), 0))
    parts = []
    for frame in frames:
        inside: dict[str, Any] = {}
        for applier, least in appliers:
            votes = applier.apply(frame, id="id")
            codes = votes.to_numpy()
            inside |= {id: codes[:, j] >= least for j, id in enumerate(votes.labelers)}
        columns = {f"{_COLUMN}{name}": np.asarray(inside[rule.id]) for name, rule in by_rule.items()}
        parts.append(pl.DataFrame({"id": frame["id"].cast(pl.String), **columns}))
    return pl.concat(parts)
