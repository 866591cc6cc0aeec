"""The frame lane: all Polars and SQL expressions in one select."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import polars as pl
import polars.selectors as cs

from weaklabel.apply.batch import Batch, Votes, one_line, shown
from weaklabel.errors import RuleError
from weaklabel.lf.base import run_user_code
from weaklabel.lf.outcomes import vote_code
from weaklabel.lf.where import Where
from weaklabel.schema import ABSTAIN, LabelSchema

_SOME_TYPES: tuple[pl.DataType, ...] = (
    pl.String(), pl.Float64(), pl.Boolean(), pl.Int64(), pl.UInt8(), pl.Date(), pl.Datetime(), pl.Duration(), pl.Time(),
    pl.Binary(), pl.List(pl.Boolean()), pl.List(pl.String()), pl.List(pl.Float64()),
)  # fmt: skip
_MOST_FIELDS = 2


@dataclass(frozen=True)
class FrameLane:
    """Where rules, evaluated together."""

    rules: tuple[Where, ...]
    schema: LabelSchema

    def run(self, batch: Batch) -> Votes:
        """Return the votes of every rule of the lane."""
        votes: Votes = {}
        for frame, rules in _suited(_without_nan(batch.frame, self.rules), self.rules):
            answers = _select(frame, rules)
            for rule in rules:
                if isinstance(answers, BaseException):
                    votes[rule.id] = self._one_by_one(rule, frame, batch, 0)
                else:
                    votes[rule.id] = self._votes(rule, answers.get_column(rule.id))
        return votes

    def _votes(self, rule: Where, answer: pl.Series) -> np.ndarray:
        code = vote_code(rule, rule.label or "", self.schema)
        return np.where(answer.fill_null(False).to_numpy(), np.int8(code), np.int8(ABSTAIN)).astype(np.int8)

    def _one_by_one(self, rule: Where, frame: pl.DataFrame, batch: Batch, start: int) -> np.ndarray:
        """Evaluate a rule on halves, and their halves, until the rows on which it fails stand alone."""
        answers = _select(frame, [rule])
        if not isinstance(answers, BaseException):
            return self._votes(rule, answers.get_column(rule.id))
        if frame.height == 1:
            what = f"failed: {_reason(answers)}"
            values = shown(frame, 0, rule.fields)
            vote = batch.faults.vote(rule, what, row=batch.ids[start], values=values, cause=answers)
            return np.array([vote], np.int8)
        half = frame.height // 2
        first = self._one_by_one(rule, frame.head(half), batch, start)
        second = self._one_by_one(rule, frame.tail(frame.height - half), batch, start + half)
        return np.concatenate([first, second])


def compile_frame(rules: Iterable[Where], schema: LabelSchema) -> FrameLane:
    """Compile where rules into one lane."""
    return FrameLane(tuple(rules), schema)


def never_boolean(rule: Where) -> RuleError | None:
    """Return the problem of an expression that is not true or false, whatever the types of its columns.

    None where some types make it so, where it can't be told (more than two columns, structs, Python functions), or where
    no types suit it.

    Examples
    --------
    >>> from weaklabel.lf import where
    >>> never_boolean(where("short", "length(text)", label="ham")).what
    "rule 'short' gives UInt32, not true or false"
    >>> never_boolean(where("short", "length(text) < 9", label="ham")) is None
    True
    """
    if len(rule.fields) > _MOST_FIELDS or not rule.is_plain:
        return None
    found: dict[str, None] = {}
    for types in itertools.product(_SOME_TYPES, repeat=len(rule.fields)):
        answers = _select(pl.DataFrame(schema=dict(zip(rule.fields, types, strict=True))), [rule])
        if isinstance(answers, BaseException):
            continue
        if answers.schema[rule.id] in (pl.Boolean, pl.Null):
            return None
        found[str(answers.schema[rule.id])] = None
    return _no_boolean(rule, next(iter(found)), rule.fields) if found else None


def _no_boolean(rule: Where, dtype: object, columns: Iterable[str]) -> RuleError:
    what = f"rule {rule.name!r} gives {dtype}, not true or false"
    return RuleError(what, where=rule.where, available=columns, hint="compare it with something: … > 0")


def _answer(rule: Where) -> pl.Expr:
    return rule.expression.alias(rule.id)


def _without_nan(frame: pl.DataFrame, rules: Iterable[Where]) -> pl.DataFrame:
    names = list(dict.fromkeys(name for rule in rules for name in rule.fields))
    floats = [name for name in names if frame.schema[name].is_float()]
    return frame.select(names).with_columns(pl.col(floats).fill_nan(None)) if floats else frame.select(names)


def _select(frame: pl.DataFrame, rules: Iterable[Where]) -> pl.DataFrame | BaseException:
    """Return the answers of some rules, or what one of them (or a Python function in it) raised."""
    answers, error = run_user_code(lambda: frame.select(_answer(rule) for rule in rules))
    return answers if answers is not None else error or ValueError("no answer")


def _suited(frame: pl.DataFrame, rules: Iterable[Where]) -> list[tuple[pl.DataFrame, list[Where]]]:
    """Return each rule's frame: columns of nothing but nulls, which have no type, are text where a rule needs that."""
    as_text = frame.with_columns(cs.by_dtype(pl.Null).cast(pl.String)) if pl.Null in frame.dtypes else frame
    plain: list[Where] = []
    texts: list[Where] = []
    for rule in rules:
        problem = _type_problem(rule, frame)
        if problem is not None and (as_text is frame or _type_problem(rule, as_text) is not None):
            raise problem
        (plain if problem is None else texts).append(rule)
    return [(own, suited) for own, suited in ((frame, plain), (as_text, texts)) if suited]


def _type_problem(rule: Where, frame: pl.DataFrame) -> RuleError | None:
    columns = [f"{name}: {frame.schema[name]}" for name in rule.fields]
    answers = _select(frame.clear(), [rule])
    if isinstance(answers, BaseException):
        return RuleError(
            f"rule {rule.name!r} can't be evaluated on these columns: {_reason(answers)}",
            where=rule.where,
            available=columns,
        )
    dtype = answers.schema[rule.id]
    if dtype in (pl.Boolean, pl.Null):
        return None
    return _no_boolean(rule, dtype, columns)


def _reason(error: BaseException) -> str:
    """Return what went wrong, without the plan that Polars adds."""
    return one_line(str(error).partition("\n\nThis error occurred")[0]) or type(error).__name__
