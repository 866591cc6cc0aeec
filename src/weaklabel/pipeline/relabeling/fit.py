"""The fit of a bulk relabeling: votes of all shards merged within a memory budget, a model, and whether it may stand."""

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
from weaklabel.errors import GoldError, OutputError, some
from weaklabel.evaluate import accuracy_difference, evaluate
from weaklabel.export import sync, write_text, writing
from weaklabel.label_matrix import VotePatterns
from weaklabel.pipeline.gold import fit_known, gold_source
from weaklabel.pipeline.relabeling.job import SEEN, Bulk, inner_model, version_of
from weaklabel.pipeline.relabeling.labels import answers
from weaklabel.pipeline.relabeling.parts import GOLD_ROW
from weaklabel.stats import Estimate
from weaklabel.store.shard_votes import ShardVotes, kept, read_shard_votes

FACTS = "fit.json"
"""In a model's folder: what its fit saw."""
MERGING = 3
"""Merging holds about so many times the bytes of what is merged."""
_LEVEL = 40


@dataclass(frozen=True, eq=False)
class Merged:
    """The distinct rows of votes of a corpus, or of a sample of its rows.

    Parameters
    ----------
    patterns
        Without `inverse`.
    level
        0: all rows. L: a share 2**-L of them, by a hash of their ids, and all gold rows.
    rows
        Rows of the corpus.
    gold
        Id -> key of the pattern of that gold row.
    """

    patterns: VotePatterns
    level: int
    rows: int
    gold: dict[str, int]

    @property
    def share(self) -> float:
        """The share of rows that were counted."""
        return 2.0**-self.level

    def of_gold(self) -> tuple[pl.Series, npt.NDArray[np.int64]]:
        """Return ids of gold rows and the position of each one's pattern."""
        ids = sorted(self.gold)
        keys = np.array([self.gold[id] for id in ids], np.int64)
        return pl.Series("id", ids, dtype=pl.String), np.searchsorted(self.patterns.keys, keys)


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


def merge(paths: Sequence[Path], *, budget: int, need: Callable[[VotePatterns], int]) -> Merged:
    """Merge the votes that the first pass left, shard by shard; what would not fit into memory becomes a sample.

    Parameters
    ----------
    paths
        Files of `ShardVotes`, in the order of the shards.
    budget
        Bytes.
    need
        What a fit of some patterns takes, in bytes.

    Raises
    ------
    OutputError
        A file is gone.
    """
    level = 0
    while True:
        found = _merged_at(paths, level, budget, need)
        if found is not None:
            return found
        level += 1


def _merged_at(
    paths: Sequence[Path], level: int, budget: int, need: Callable[[VotePatterns], int]
) -> Merged | None:
    """Merge the rows of a sample; None: they don't fit."""
    stack: list[VotePatterns] = []
    gold: dict[str, int] = {}
    rows = 0
    for path in paths:
        shard = read_shard_votes(path, ids=False)
        if shard is None or shard.patterns.inverse is None:
            what = "the votes of a shard are not there any more"
            raise OutputError(what, where=str(path), hint="give the same command again")
        mine = shard.notes["gold"]
        gold |= {id: int(shard.patterns.keys[shard.patterns.inverse[row]]) for id, row in mine}
        rows += len(shard.levels)
        stack.append(_sampled(shard, level, [row for _, row in mine]))
        while len(stack) > 1 and len(stack[-2]) <= 2 * len(stack[-1]):
            stack[-2:] = [VotePatterns.merge(stack[-2:])]
        if level < _LEVEL and _over(stack, budget, need):
            stack = [VotePatterns.merge(stack)]
            if _over(stack, budget, need):
                return None
    whole = VotePatterns.merge(stack) if len(stack) > 1 else stack[0]
    return Merged(whole, level, rows, gold)


def _sampled(shard: ShardVotes, level: int, gold: list[int]) -> VotePatterns:
    """Return the patterns of a sample of rows, in which all gold rows are."""
    if level <= 0:
        return shard.patterns.without_rows()
    assert shard.patterns.inverse is not None
    inside = shard.levels >= level
    inside[gold] = True
    counts = np.bincount(shard.patterns.inverse[inside], minlength=len(shard.patterns))
    return kept(shard.patterns, counts.astype(np.int64))


def _over(stack: Sequence[VotePatterns], budget: int, need: Callable[[VotePatterns], int]) -> bool:
    own = sum(_bytes(part) for part in stack)
    return max(MERGING * own, sum(need(part) for part in stack)) > budget


def _bytes(patterns: VotePatterns) -> int:
    names = ("indptr", "labeler_index", "codes", "counts", "keys")
    return sum(getattr(patterns, name).nbytes for name in names)


def merge_votes(bulk: Bulk, paths: Sequence[Path]) -> Merged:
    """Merge the votes of a task's shards within `relabel.memory`, and check that all gold rows are among them.

    Raises
    ------
    GoldError
        A gold row is no row of the corpus.
    """
    options = dict(bulk.config.label_model)
    model = label_model.create(options.pop("name"), n_classes=len(bulk.task.schema), **options)
    found = merge(paths, budget=bulk.config.relabel.memory << 20, need=model.fit_bytes)
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
    model = fit_known(bulk.config, patterns, ids, n_classes=len(bulk.task.schema), known=bulk.calibration)
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
