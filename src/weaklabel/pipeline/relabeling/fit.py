"""The fit of a bulk relabeling: a model of the merged votes, and whether it may stand."""

from __future__ import annotations

import json
import shutil
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from weaklabel import label_model, tracking
from weaklabel.errors import GoldError, some
from weaklabel.evaluate import accuracy_difference, evaluate
from weaklabel.export import sync, write_text, writing
from weaklabel.pipeline.gold import fit_known, gold_source
from weaklabel.pipeline.labels import new_model
from weaklabel.pipeline.relabeling.job import SEEN, Bulk, inner_model, version_of
from weaklabel.pipeline.relabeling.labels import answers
from weaklabel.pipeline.relabeling.merging import Merged, Merging
from weaklabel.pipeline.relabeling.parts import GOLD_ROW
from weaklabel.stats import Estimate
from weaklabel.store.shard_votes import kept

FACTS = "fit.json"
"""In a model's folder: what its fit saw."""


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What a fit saw.

    Parameters
    ----------
    rows, sampled, level
        Rows of the corpus, those that were counted, and the level of the sample.
    patterns
        Distinct rows of votes.
    new
        Share of further rows whose votes would be new: the share of rows seen with votes of their own (Good 1953).

    Examples
    --------
    >>> Facts(rows=10, sampled=10, level=0, patterns=4, new=0.2).share
    1.0
    """

    rows: int
    sampled: int
    level: int
    patterns: int
    new: float

    @property
    def share(self) -> float:
        """The share of rows that were counted."""
        return 2.0**-self.level


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """Whether a new model may replace the one that stands.

    Parameters
    ----------
    word
        `first`, `kept` (the model that stands is used), `given` (a person named it), `no gold`, `other labels`, `not
        worse` or `worse`.
    accuracy
        Of the new labels against gold; None: no gold.
    difference
        Accuracy of the new labels minus that of those that stand, on the same gold rows.

    Examples
    --------
    >>> Verdict(word="first").publish, Verdict(word="worse").publish
    (True, False)
    """

    word: str
    accuracy: Estimate | None = None
    difference: Estimate | None = None

    @property
    def publish(self) -> bool:
        """The new labels may stand."""
        return self.word != "worse"

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Verdict:
        """Return what `to_dict` made plain.

        Examples
        --------
        >>> Verdict.from_dict(Verdict(word="worse", difference=Estimate(-0.1, -0.2, -0.05, 30)).to_dict()).difference.high
        -0.05
        """
        known = {name: Estimate(**data[name]) for name in ("accuracy", "difference") if data[name]}
        return cls(word=data["verdict"], **known)

    def to_dict(self) -> dict[str, Any]:
        """Return plain data."""
        return {
            "verdict": self.word,
            "accuracy": self.accuracy.to_dict() if self.accuracy else None,
            "difference": self.difference.to_dict() if self.difference else None,
        }


def merging(bulk: Bulk, paths: Sequence[Path]) -> Merging:
    """Return what merges the votes of a task's shards within `relabel.memory`."""
    model = new_model(bulk.config, len(bulk.task.schema), bulk.task.registry.outcome_codes())
    return Merging(paths, budget=bulk.config.relabel.memory << 20, need=model.fit_bytes)


def merged_votes(bulk: Bulk, votes: Merging) -> Merged:
    """Return the merged votes of all shards, after checking that all gold rows are among them.

    Raises
    ------
    GoldError
        A gold row is no row of the corpus.
    """
    found = votes.result()
    check_gold(bulk, found.gold, found.rows)
    return found


def check_gold(bulk: Bulk, found: Iterable[str], rows: int) -> None:
    """Raise a GoldError when a gold row is no row of the corpus."""
    there = set(found)
    sources = [(bulk.gold, gold_source(bulk.config))]
    if bulk.calibration is not None:
        sources.append((bulk.calibration.gold, bulk.calibration.source))
    for gold, source in sources:
        ids = [] if gold is None else gold.frame["id"].to_list()
        strangers = [id for id in ids if id not in there]
        if strangers:
            raise GoldError(
                f"{len(strangers)} of {len(ids)} gold ids are not among the {rows:,} rows of the corpus: "
                f"{some(strangers)}",
                where=source,
                hint="gold is joined by id: task.gold.id and task.corpus.id name the columns",
            )


def fit(bulk: Bulk, merged: Merged) -> tuple[str, Path]:
    """Fit the configured model and keep it among the task's models; return its version and folder.

    Raises
    ------
    WeakLabelError
        The model can't be fitted with this gold, or can't be written.
    """
    ids, places = merged.of_gold()
    patterns = replace(merged.patterns, inverse=places) if len(ids) else merged.patterns
    registry, k = bulk.task.registry, len(bulk.task.schema)
    options: Any = {"n_classes": k, "known": bulk.calibration, "outcomes": registry.outcome_codes()}
    model = fit_known(bulk.config, patterns, ids, **options)
    counts = merged.patterns.counts
    facts = Facts(
        rows=merged.rows,
        sampled=int(counts.sum()),
        level=merged.level,
        patterns=len(counts),
        new=float((counts == 1).sum() / max(int(counts.sum()), 1)),
    )
    return save(bulk, model, merged.patterns.keys, facts)


def save(bulk: Bulk, model: Any, seen: npt.NDArray[np.int64], facts: Facts) -> tuple[str, Path]:
    """Write a fitted model with what its fit saw, in a folder that its content names; return both."""

    def more(folder: Path) -> None:
        with (folder / SEEN).open("wb") as file:
            np.save(file, seen, allow_pickle=False)
        sync(folder / SEEN)
        write_text(json.dumps(asdict(facts), indent=1) + "\n", folder / FACTS)

    return _kept(bulk, model, more, None)


def keep_given(bulk: Bulk, source: Path, version: str) -> Path:
    """Return the folder of a model among those of the task, after copying one there that lies elsewhere."""
    if source.parent == bulk.models:
        return source
    if (bulk.models / version).is_dir():
        return bulk.models / version
    return _kept(bulk, label_model.load(inner_model(source)), lambda folder: None, version)[1]


def _kept(bulk: Bulk, model: Any, more: Callable[[Path], None], version: str | None) -> tuple[str, Path]:
    """Write a model into the task's models, whole or not at all; its content names it where nothing else does."""
    temporary = bulk.models / f".building-{uuid.uuid4().hex}"
    with writing(bulk.models):
        bulk.models.mkdir(parents=True, exist_ok=True)
        try:
            tracking.save_model(
                model, temporary, labelers=tuple(bulk.keys), schema=bulk.task.schema, rules=bulk.counted
            )
            more(temporary)
            version = version or version_of(temporary)
            folder = bulk.models / version
            if not folder.exists():
                sync(temporary)
                temporary.rename(folder)
                sync(bulk.models)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
    return version, folder


def facts_of(folder: Path) -> Facts | None:
    """Return what a model's fit saw; None: it doesn't say."""
    path = folder / FACTS
    return Facts(**json.loads(path.read_text(encoding="utf-8"))) if path.exists() else None


def gold_labels(bulk: Bulk, merged: Merged, folder: Path, version: str) -> pl.DataFrame:
    """Return what a model says of gold rows: id, label, status, probabilities."""
    ids, places = merged.of_gold()
    chosen = np.unique(places)
    mask = np.zeros(len(merged.patterns), np.int64)
    mask[chosen] = 1
    model = label_model.load(inner_model(folder))
    said = answers(
        kept(merged.patterns, mask),
        model,
        schema=bulk.task.schema,
        threshold=bulk.config.task.threshold,
        version=version,
    )
    rows = said[pl.Series(np.searchsorted(chosen, places))]
    return rows.with_columns(ids).select(GOLD_ROW)


def judge(bulk: Bulk, labels: pl.DataFrame | None, *, word: str | None = None) -> Verdict:
    """Compare new labels of gold rows with those that stand.

    Parameters
    ----------
    bulk
        With gold and the standing version.
    labels
        New labels of gold rows.
    word
        The verdict where it is settled already: a model that stands, or that a person named.

    Returns
    -------
    Verdict
        `worse` only where the 95 % interval of the difference in accuracy lies wholly below 0.
    """
    if bulk.gold is None or not bulk.gold.frame.height or labels is None:
        return Verdict(word=word or ("first" if bulk.standing is None else "no gold"))
    schema, gold = bulk.task.schema, bulk.gold.frame
    accuracy = evaluate(labels, gold, schema=schema).metrics["accuracy"]
    if word is not None or bulk.standing is None:
        return Verdict(word=word or "first", accuracy=accuracy)
    if json.loads(bulk.said.get("labels", "[]")) != list(schema.names):
        return Verdict(word="other labels", accuracy=accuracy)
    before = bulk.table.rows_of(gold["id"], bulk.standing).select(GOLD_ROW)
    gold = gold.filter(pl.col("id").is_in(before["id"].implode()))
    if not gold.height:
        return Verdict(word="no gold", accuracy=accuracy)
    difference = accuracy_difference(labels, before, gold, schema=schema)
    assert isinstance(difference, Estimate)
    worse = difference.high is not None and difference.high < 0
    return Verdict(word="worse" if worse else "not worse", accuracy=accuracy, difference=difference)
