"""LFApplier: rules in, votes out."""

from __future__ import annotations

import contextlib
import datetime
import functools
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from weaklabel.apply.batch import Batch, Faults, Lane, Votes
from weaklabel.apply.days import DatedLane, Days, date_columns
from weaklabel.apply.features import FeatureVotes, carried, column_problem, shadow_problem
from weaklabel.apply.frame_lane import compile_frame
from weaklabel.apply.limits import USUAL, Limits
from weaklabel.apply.patterns import compile_patterns
from weaklabel.apply.python_lane import compile_python
from weaklabel.apply.score_lane import compile_scores
from weaklabel.apply.spacy_lane import compile_spacy
from weaklabel.apply.vector_lane import compile_vectors
from weaklabel.errors import CorpusError, RuleError, did_you_mean
from weaklabel.label_matrix import LabelMatrix
from weaklabel.lf.base import LabelingFunction, OnError, check_choice
from weaklabel.lf.python import PythonFunction
from weaklabel.lf.registry import LFRegistry
from weaklabel.schema import LabelSchema

BATCH_ROWS = 65_536
"""Rows that are shown to the rules at a time."""

_LANES: dict[str, Callable[..., Lane]] = {
    "patterns": compile_patterns,
    "frame": compile_frame,
    "spacy": compile_spacy,
    "python": compile_python,
    "score": compile_scores,
    "vectors": compile_vectors,
}
_LANE_OF = {
    "keywords": "patterns",
    "regex": "patterns",
    "lookup": "patterns",
    "where": "frame",
    "spacy": "spacy",
    "python": "python",
    "snorkel": "python",
    "score": "score",
}
_KNOW_DAYS = ("patterns", "spacy")


class LFApplier:
    """Applies the rules of a registry to documents.

    Parameters
    ----------
    registry
        The rules.
    on_error
        What a failing rule does that says nothing of it itself: "raise" stops with the rule, its file and line, and the
        row's id; "abstain" votes -2 (missing) on that row and counts it in the votes' `faults`.
    progress
        Show a bar on stderr.
    date
        The column with each row's day, for rules with `valid_from` or `valid_until`. Default: all rows are of `today`.
    today
        The day of the run. Default: this day.
    limits
        What one rule may use up on one batch of rows.
    cache
        A folder in which compiled rules and, for spaCy rules, tokenised texts are kept between runs, such as
        ``<project>/.weaklabel/cache``; it may be deleted at any time. Default: nothing is kept.

    Examples
    --------
    >>> from weaklabel.lf import keywords, where
    >>> rules = [keywords("asks", ["please"], label="ham"), where("long", "length(text) > 20", label="spam")]
    >>> applier = LFApplier(LFRegistry(rules, schema=LabelSchema(["ham", "spam"])))
    >>> votes = applier.apply(pl.DataFrame({"id": ["a", "b"], "text": ["Please!", "x" * 30]}))
    >>> votes.to_numpy().tolist()
    [[0, -1], [-1, 1]]
    """

    def __init__(
        self,
        registry: LFRegistry,
        *,
        on_error: OnError = "raise",
        progress: bool = False,
        date: str | None = None,
        today: datetime.date | None = None,
        limits: Limits = USUAL,
        cache: str | Path | None = None,
    ) -> None:
        if not isinstance(registry, LFRegistry):
            raise RuleError(
                f"an LFRegistry is wanted, not {type(registry).__name__}",
                hint="LFRegistry(rules, schema=schema)",
            )
        check_choice("on_error", on_error, ("raise", "abstain"))
        self.registry = registry
        self.on_error = on_error
        self.progress = progress
        self.days = Days(date, today or datetime.date.today())
        self.limits = limits
        self.cache = None if cache is None else Path(cache)

    @functools.cached_property
    def _votes(self) -> FeatureVotes:
        how: dict[str, Any] = {"days": self.days, "cache": self.cache}
        compiling = functools.partial(compile_lanes, schema=self.registry.schema, **how)
        return FeatureVotes(self.registry.rules, compiling, self.days)

    def apply(self, data: Any, *, id: str | None = None) -> LabelMatrix:
        """Return the votes of every rule on every row.

        Parameters
        ----------
        data
            A Polars LazyFrame or DataFrame, a Corpus, or a pandas DataFrame.
        id
            Name of the column with the rows' ids, which are kept as text. Default: "id".

        Returns
        -------
        LabelMatrix
            One Int8 column per rule, in the registry's order, with the ids and the faults.

        Raises
        ------
        RuleError
            A rule reads a column that is not there, or can't be run on its type.
        RuleFault
            A rule failed on a row, and faults stop the run.
        CorpusError
            The id column is missing, or holds nulls or an id twice.
        """
        faults = Faults(self.on_error)
        parts = [self._vote(frame, ids, faults) for frame, ids in self._batches(data, id)]
        votes = pl.concat(parts)
        _check_ids(votes.get_column("id"))
        return LabelMatrix.from_frame(votes, id="id", faults=dict(faults.counts))

    def columns(self, frame: pl.DataFrame) -> tuple[Votes, dict[str, int]]:
        """Return each rule's votes on the rows of a frame, by the rule's id, and how often rules failed.

        The votes are those of `apply`, without a matrix around them; nothing is said of doubled ids.

        Parameters
        ----------
        frame
            With a column `id`, text, none null, and the columns that the rules read.

        Examples
        --------
        >>> from weaklabel.lf import keywords
        >>> rules = LFRegistry([keywords("asks", ["please"], label="ham")], schema=LabelSchema(["ham", "spam"]))
        >>> votes, faults = LFApplier(rules).columns(pl.DataFrame({"id": ["a", "b"], "text": ["Please!", "No."]}))
        >>> {id: own.tolist() for id, own in votes.items()}, faults
        ({'asks': [0, -1]}, {})
        """
        faults = Faults(self.on_error)
        parts = [
            self._votes.run(Batch(rows, ids, faults, self.limits)) for rows, ids in self._batches(frame, None)
        ]
        found = {rule.id: [part[rule.id] for part in parts] for rule in self.registry}
        votes = {id: own[0] if len(own) == 1 else np.concatenate(own) for id, own in found.items()}
        return votes, {id: count for id, count in faults.counts.items() if count}

    def _vote(self, frame: pl.DataFrame, ids: pl.Series, faults: Faults) -> pl.DataFrame:
        votes = self._votes.run(Batch(frame, ids, faults, self.limits))
        columns = [pl.Series(rule.column, votes[rule.id], pl.Int8) for rule in self.registry]
        return pl.DataFrame([ids.alias("id"), *columns])

    def _batches(self, data: Any, id: str | None) -> Iterator[tuple[pl.DataFrame, pl.Series]]:
        with self._bar() as advance:
            for frame in _frames(data, id, self.registry, date_columns(self.registry, self.days)):
                ids = frame.get_column(id or "id").cast(pl.String)
                for start in range(0, max(frame.height, 1), BATCH_ROWS):
                    yield frame.slice(start, BATCH_ROWS), ids.slice(start, BATCH_ROWS)
                    advance(min(BATCH_ROWS, frame.height - start))

    @contextlib.contextmanager
    def _bar(self) -> Iterator[Callable[[int], None]]:
        if not self.progress:
            yield lambda rows: None
            return
        from rich.console import Console
        from rich.progress import Progress

        with Progress(console=Console(stderr=True), transient=True) as bar:
            task = bar.add_task(f"{len(self.registry)} rules", total=None)
            yield lambda rows: bar.advance(task, rows)


def compile_lanes(
    rules: Iterable[LabelingFunction],
    schema: LabelSchema,
    *,
    days: Days | None = None,
    cache: Path | None = None,
) -> tuple[Lane, ...]:
    """Compile rules, each in the lane of its kind.

    Parameters
    ----------
    rules, schema
        The rules and their labels.
    days
        On which day each row is; None: rules with days of their own vote on all rows.
    cache
        The folder in which a lane may keep what is costly.
    """
    options: dict[str, dict[str, Any]] = {
        "patterns": {"cache": cache, "days": days},
        "spacy": {"cache": cache, "days": days},
    }

    def lane(name: str, own: list[LabelingFunction]) -> Lane:
        return _LANES[name](own, schema, **options.get(name, {}))

    by_lane: dict[str, list[LabelingFunction]] = {}
    dated: list[Lane] = []
    for rule in rules:
        if rule.dated and days is not None and _lane_of(rule) not in _KNOW_DAYS:
            dated.append(DatedLane(rule, lane(_lane_of(rule), [rule]), days))
        else:
            by_lane.setdefault(_lane_of(rule), []).append(rule)
    return (*(lane(name, own) for name, own in by_lane.items()), *dated)


def _lane_of(rule: LabelingFunction) -> str:
    return "vectors" if isinstance(rule, PythonFunction) and rule.vectorized else _LANE_OF[rule.kind]


def _frames(data: Any, id: str | None, rules: LFRegistry, more: Iterable[str]) -> Iterator[pl.DataFrame]:
    if type(data).__module__.partition(".")[0] == "pandas" and hasattr(data, "iloc"):
        data = pl.from_pandas(data)
    if isinstance(data, pl.DataFrame):
        data = data.lazy()
    if isinstance(data, pl.LazyFrame):
        with _readable():
            available = data.collect_schema().names()
        columns = _columns(available, id, rules, more)
        with _readable():
            frame = data.select(columns).collect()
        yield frame
    elif hasattr(data, "shards") and hasattr(data, "read"):
        columns = _columns(list(data.columns), id, rules, more)
        for shard in data.shards():
            yield data.read(shard).select(columns)
    else:
        raise CorpusError(
            f"documents are a Polars or pandas frame or a Corpus, not {type(data).__name__}",
            hint='Corpus.open("comments.parquet"), or pl.scan_parquet("comments.parquet")',
        )


@contextlib.contextmanager
def _readable() -> Iterator[None]:
    """Let what can't be read, a missing or a truncated file, be an error of the corpus."""
    try:
        yield
    except (pl.exceptions.PolarsError, OSError) as error:
        what = str(error).splitlines()[0]
        hint = "Corpus.open(path) looks through files first, and names the one that is broken"
        raise CorpusError(f"the documents can't be read: {what}", hint=hint) from error


def _columns(available: list[str], id: str | None, registry: LFRegistry, more: Iterable[str]) -> list[str]:
    """Return the columns to read, or raise the error that says which is not there, and what is."""
    wanted_id = id or "id"
    if wanted_id not in available:
        hint = (
            did_you_mean(wanted_id, available) if id else 'name the column with the ids: apply(data, id="…")'
        )
        raise CorpusError(f"no id column {wanted_id!r}", available=available, hint=hint)
    rules, made = registry.rules, {feature.name for feature in registry.features}
    missing = [(r, name) for r in rules for name in r.fields if name not in available and name not in made]
    if missing:
        rule, name = missing[0]
        others = len({r.id for r, _ in missing}) - 1
        more = (
            f", and {others} more rule{'s' * (others > 1)} lack{'s' * (others == 1)} a column"
            if others
            else ""
        )
        raise RuleError(
            f"rule {rule.name!r} reads column {name!r}, which is not there{more}",
            where=rule.where,
            available=[*available, *sorted(made)],
            hint=did_you_mean(name, [*available, *sorted(made)]),
        )
    problem = column_problem(carried(rules), available) or shadow_problem(registry.features, available)
    if problem is not None:
        raise problem
    for name in more:
        if name not in available:
            hint = did_you_mean(name, available)
            raise CorpusError(f"no column {name!r} with the rows' days", available=available, hint=hint)
    if any(rule.reads_all for rule in rules):
        return available
    read = {*more, *(name for rule in rules for name in rule.reads)}
    return [name for name in available if name in read or name == wanted_id]


def _check_ids(ids: pl.Series) -> None:
    if ids.null_count():
        rows = ids.is_null().arg_true().head(5).to_list()
        raise CorpusError(f"{ids.null_count()} rows have no id", where=f"rows {', '.join(map(str, rows))} …")
    if ids.n_unique() < len(ids):
        counts = Counter(ids.to_list())
        twice = [id for id, count in counts.items() if count > 1]
        raise CorpusError(
            f"{len(twice)} ids stand on more than one row",
            where=", ".join(repr(id) for id in twice[:5]) + (" …" if len(twice) > 5 else ""),
            hint="an id is unique; leave it out to have one derived from file and row (Corpus.open)",
        )
