"""Features, computed once per batch in the order in which they read each other, and the votes of rules that read them."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from weaklabel.apply.answers import NoVoteError
from weaklabel.apply.batch import Batch, Lane, Votes, one_line, shown
from weaklabel.apply.days import Days
from weaklabel.apply.limits import TooMuchError
from weaklabel.apply.python_lane import about_row, raised, rows_of
from weaklabel.apply.vector_lane import about_frame, answers_of
from weaklabel.errors import RuleError, RuleFault, did_you_mean
from weaklabel.lf.base import LabelingFunction, run_user_code
from weaklabel.lf.feature import Feature
from weaklabel.schema import MISSING

Bool = npt.NDArray[np.bool_]
Compile = Callable[[Sequence[LabelingFunction]], tuple[Lane, ...]]

_LIMIT_HINT = "task.limits (LFApplier's limits=) allows more"
_COUNT_HINT = 'on_error="abstain" counts such rows for the rules that read it, and goes on'


@dataclass(eq=False)
class FeatureVotes:
    """Votes of rules over batches, with the features that they carry.

    Parameters
    ----------
    rules
        The rules.
    compile
        Compiles some of them into lanes.
    days
        On which day each row is; None: rules with days of their own vote on all rows.
    """

    rules: tuple[LabelingFunction, ...]
    compile: Compile
    days: Days | None = None
    _lanes: dict[frozenset[str], tuple[Lane, ...]] = field(default_factory=dict, repr=False)

    @functools.cached_property
    def features(self) -> tuple[Feature, ...]:
        """The features that they carry, each after those it reads."""
        return carried(self.rules)

    def run(self, batch: Batch) -> Votes:
        """Return the votes of every rule: missing, and counted, where a feature that it reads failed on the row."""
        if not self.features:
            return self._run(batch, frozenset())
        made, failed = compute(batch, self.features)
        if not failed:
            return self._run(made, frozenset())
        votes = {rule.id: np.full(batch.frame.height, MISSING, np.int8) for rule in self.rules}
        for names, rows in _by_failure(failed):
            keep = pl.Series(rows)
            part = replace(made, frame=made.frame.filter(keep), ids=made.ids.filter(keep))
            for id, own in self._run(part, names).items():
                votes[id][rows] = own
            for rule in self.rules:
                if _reads(rule, names):
                    batch.faults.counts[rule.id] += self._asked(rule, part.frame)
        return votes

    def _asked(self, rule: LabelingFunction, frame: pl.DataFrame) -> int:
        """Return on how many rows a rule votes, as far as days go."""
        if self.days is None or not rule.dated:
            return frame.height
        return int(self.days.include(rule, frame).sum())

    def _run(self, batch: Batch, failed: frozenset[str]) -> Votes:
        """Return the votes of the rules that read none of the features that failed."""
        if failed not in self._lanes:
            self._lanes[failed] = self.compile([rule for rule in self.rules if not _reads(rule, failed)])
        votes: Votes = {}
        for lane in self._lanes[failed]:
            votes.update(lane.run(batch))
        return votes


def carried(rules: Iterable[LabelingFunction]) -> tuple[Feature, ...]:
    """Return the features that some rules carry, each once, after those it reads."""
    return tuple({one.name: one for rule in rules for one in rule.features}.values())


def _reads(rule: LabelingFunction, names: frozenset[str]) -> bool:
    return any(one.name in names for one in rule.features)


def _by_failure(failed: Mapping[str, Bool]) -> list[tuple[frozenset[str], Bool]]:
    """Return the rows on which the same features failed, for each set of features that did."""
    names = list(failed)
    rows, which = np.unique(np.column_stack(list(failed.values())), axis=0, return_inverse=True)
    groups = enumerate(rows.tolist())
    return [
        (frozenset(n for n, bad in zip(names, row, strict=True) if bad), which.ravel() == g)
        for g, row in groups
    ]


def column_problem(features: Iterable[Feature], columns: Sequence[str]) -> RuleError | None:
    """Return the problem of a feature that reads a column which is neither there nor a feature."""
    features = tuple(features)
    names = [one.name for one in features]
    for one in features:
        for name in one.fields:
            if name not in columns and name not in names:
                available = [*columns, *(n for n in names if n != one.name)]
                what = f"feature {one.name!r} reads column {name!r}, which is not there"
                hint = did_you_mean(name, available)
                return RuleError(what, where=one.where, available=available, hint=hint)
    return None


def shadow_problem(features: Iterable[Feature], columns: Sequence[str]) -> RuleError | None:
    """Return the problem of a feature that has the name of a column."""
    for one in features:
        if one.name in columns:
            what = f"feature {one.name!r} has the name of a column that is there"
            return RuleError(what, where=one.where, hint='rename it: @feature(name="…")')
    return None


def compute(batch: Batch, features: Sequence[Feature]) -> tuple[Batch, dict[str, Bool]]:
    """Return the batch with the features' columns, and for each feature that failed the rows on which it did.

    On such a row it is null, and a feature that reads it failed there too.

    Parameters
    ----------
    batch
        Rows with the corpus' columns.
    features
        Features, each after those it reads.
    """
    failed: dict[str, Bool] = {}
    for one in features:
        bad = np.zeros(batch.frame.height, bool)
        for name in one.fields:
            bad |= failed.get(name, False)
        column, own = _column(one, batch, bad) if bad.any() else _whole_column(one, batch)
        if own.any():
            failed[one.name] = own
        made = (*batch.made, one.name)
        batch = replace(batch, frame=batch.frame.with_columns(column.alias(one.name)), made=made)
    return batch, failed


def _column(feature: Feature, batch: Batch, bad: Bool) -> tuple[pl.Series, Bool]:
    """Compute a feature on the rows where those that it reads did not fail."""
    keep = pl.Series(~bad)
    part = replace(batch, frame=batch.frame.filter(keep), ids=batch.ids.filter(keep))
    column, own = _whole_column(feature, part)
    failed = bad.copy()
    failed[~bad] = own
    places = np.full(len(bad), -1)
    places[~bad] = np.arange(len(column))
    where = (
        pl.Series(places).replace(-1, None) if len(column) else pl.Series([None] * len(bad), dtype=pl.Int64)
    )
    return column.gather(where), failed


def _whole_column(feature: Feature, batch: Batch) -> tuple[pl.Series, Bool]:
    frame = batch.seen(feature.fields)
    failed = np.zeros(frame.height, bool)
    if not frame.height:
        return pl.Series([], dtype=pl.Null), failed
    if feature.vectorized:
        return _vectorized(feature, frame, batch, failed), failed
    return _by_rows(feature, frame, batch, failed), failed


# ---- row by row ----


def _by_rows(feature: Feature, frame: pl.DataFrame, batch: Batch, failed: Bool) -> pl.Series:
    rows = rows_of(frame)
    values: list[Any] = []
    rest = iter(rows)
    function = functools.partial(feature.function, **dict(feature.resources))

    def ask() -> None:
        for row in rest:
            values.append(function(row))

    try:
        with batch.limits.over():
            while len(values) < len(rows):
                _, error = run_user_code(ask)
                if error is not None:
                    i = len(values)
                    more = about_row(error, rows[i], batch)
                    _row_fault(feature, raised(error), error, i, batch, failed, **more)
                    values.append(None)
    except TooMuchError as error:
        del values[len(rows) - 1 :]
        _row_fault(feature, str(error), error, len(values), batch, failed, hint=_LIMIT_HINT)
        failed[len(values) :] = True
        values += [None] * (len(rows) - len(values))
    return _as_column(feature, values, batch)


def _as_column(feature: Feature, values: list[Any], batch: Batch) -> pl.Series:
    """Return values of one type as a column; whole numbers among others are taken as such."""
    kinds = {type(value) for value in values}
    if any(issubclass(kind, np.generic) for kind in kinds):
        values = [value.item() if isinstance(value, np.generic) else value for value in values]
        kinds = {type(value) for value in values}
    kinds.discard(type(None))
    if kinds == {int, float}:
        values = [value if value is None else float(value) for value in values]
    elif len(kinds) > 1:
        first, other = _two_kinds(values)
        what = f"feature {feature.name!r} gives {_kind(values[first])}, and {_kind(values[other])}"
        where = f"{feature.where}, rows {batch.ids[first]!r} and {batch.ids[other]!r}"
        raise RuleError(what, where=where, hint="a column holds values of one type, and None")
    series, error = run_user_code(lambda: pl.Series(feature.name, values, strict=True))
    if series is None or series.dtype == pl.Object:
        kind = next(iter(kinds)).__name__ if kinds else "nothing"
        reason = f": {one_line(error)}" if error is not None else ""
        raise RuleError(
            f"feature {feature.name!r} gives values ({kind}) that make no column{reason}",
            where=feature.where,
            hint="return a text, a number, true or false, a date, a list of these, or None",
        ) from error
    return series


def _two_kinds(values: Sequence[Any]) -> tuple[int, int]:
    """Return the positions of the first value, and of the first of another type."""
    first = next(i for i, value in enumerate(values) if value is not None)
    kind = type(values[first])
    return first, next(i for i, v in enumerate(values) if v is not None and type(v) is not kind)


def _kind(value: object) -> str:
    return f"{one_line(repr(value), 40)} ({type(value).__name__})"


# ---- many rows at once ----


def _vectorized(feature: Feature, frame: pl.DataFrame, batch: Batch, failed: Bool) -> pl.Series:
    parts: list[pl.Series] = []
    try:
        with batch.limits.over():
            _fill(feature, frame, batch, failed, parts)
    except TooMuchError as error:
        done = sum(map(len, parts))
        _refuse(feature, str(error), error, batch, hint=_LIMIT_HINT)
        failed[done:] = True
        parts.append(pl.Series([None] * (frame.height - done)))
    column, unlike = run_user_code(
        lambda: pl.concat([p.rename("").to_frame() for p in parts], how="vertical_relaxed")
    )
    if column is None:
        what = f"feature {feature.name!r} gives other types on other rows: {one_line(unlike)}"
        raise RuleError(what, where=feature.where) from unlike
    return column.to_series()


def _fill(feature: Feature, frame: pl.DataFrame, batch: Batch, failed: Bool, parts: list[pl.Series]) -> None:
    """Compute a frame, where the function raises halves, and their halves, until rows on which it fails stand alone."""
    start = sum(map(len, parts))
    answers, error = run_user_code(lambda: answers_of(feature, frame))
    if answers is not None:
        parts.append(answers)
        return
    if isinstance(error, NoVoteError):
        _refuse(feature, str(error), error, batch, hint=error.hint)
    elif error is not None and frame.height > 1:
        half = frame.height // 2
        _fill(feature, frame.head(half), batch, failed, parts)
        _fill(feature, frame.tail(frame.height - half), batch, failed, parts)
        return
    elif error is not None:
        more = about_frame(error, frame, batch)
        _row_fault(feature, raised(error), error, start, batch, failed, **more)
    failed[start : start + frame.height] = True
    parts.append(pl.Series([None] * frame.height))


# ---- faults ----


def _counts(feature: Feature, batch: Batch) -> bool:
    return (feature.on_error or batch.faults.on_error) == "abstain"


def _row_fault(
    feature: Feature, what: str, error: BaseException, i: int, batch: Batch, failed: Bool, **more: Any
) -> None:
    """Note that a feature failed on a row, or raise it."""
    if not _counts(feature, batch):
        values = ", ".join(
            f"{k}={one_line(repr(v), 80)}" for k, v in shown(batch.frame, i, feature.fields).items()
        )
        where = f"{feature.where}, row {str(batch.ids[i])!r}" + (f", {values}" if values else "")
        found = {key: value for key, value in more.items() if value is not None}
        raise RuleFault(
            f"feature {feature.name!r} {what}", where=where, **{"hint": _COUNT_HINT, **found}
        ) from error
    failed[i] = True


def _refuse(feature: Feature, what: str, error: BaseException, batch: Batch, *, hint: str | None) -> None:
    if not _counts(feature, batch):
        raise RuleFault(f"feature {feature.name!r} {what}", where=feature.where, hint=hint) from error
