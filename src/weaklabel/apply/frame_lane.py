"""The frame lane: all Polars and SQL expressions in one select."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import polars as pl

from weaklabel.apply.batch import Batch, Votes, shown
from weaklabel.errors import RuleError
from weaklabel.lf.where import Where
from weaklabel.schema import ABSTAIN, LabelSchema


@dataclass(frozen=True)
class FrameLane:
    """Where rules, evaluated together."""

    rules: tuple[Where, ...]
    schema: LabelSchema

    def run(self, batch: Batch) -> Votes:
        """Return the votes of every rule of the lane."""
        frame = _without_nan(batch.frame, self.rules)
        for rule in self.rules:
            _check_type(rule, frame)
        try:
            answers = frame.select(_answer(rule) for rule in self.rules)
        except pl.exceptions.PolarsError:
            return {rule.id: self._one_by_one(rule, frame, batch, 0) for rule in self.rules}
        return {rule.id: self._votes(rule, answers.get_column(rule.id)) for rule in self.rules}

    def _votes(self, rule: Where, answer: pl.Series) -> np.ndarray:
        code = self.schema.code(str(rule.label), where=rule.where)
        return np.where(answer.fill_null(False).to_numpy(), np.int8(code), np.int8(ABSTAIN)).astype(np.int8)

    def _one_by_one(self, rule: Where, frame: pl.DataFrame, batch: Batch, start: int) -> np.ndarray:
        """Evaluate a rule on halves, and their halves, until the rows on which it fails stand alone."""
        try:
            return self._votes(rule, frame.select(_answer(rule)).get_column(rule.id))
        except pl.exceptions.PolarsError as error:
            if frame.height == 1:
                what = f"failed: {_first_line(error)}"
                values = shown(frame, 0, rule.fields)
                vote = batch.faults.vote(rule, what, row=batch.ids[start], values=values, cause=error)
                return np.array([vote], np.int8)
        half = frame.height // 2
        first = self._one_by_one(rule, frame.head(half), batch, start)
        second = self._one_by_one(rule, frame.tail(frame.height - half), batch, start + half)
        return np.concatenate([first, second])


def compile_frame(rules: Iterable[Where], schema: LabelSchema) -> FrameLane:
    """Compile where rules into one lane."""
    return FrameLane(tuple(rules), schema)


def _answer(rule: Where) -> pl.Expr:
    return rule.expression.alias(rule.id)


def _without_nan(frame: pl.DataFrame, rules: Iterable[Where]) -> pl.DataFrame:
    names = list(dict.fromkeys(name for rule in rules for name in rule.fields))
    floats = [name for name in names if frame.schema[name].is_float()]
    return frame.select(names).with_columns(pl.col(floats).fill_nan(None)) if floats else frame.select(names)


def _check_type(rule: Where, frame: pl.DataFrame) -> None:
    columns = [f"{name}: {frame.schema[name]}" for name in rule.fields]
    try:
        dtype = frame.clear().select(_answer(rule)).schema[rule.id]
    except pl.exceptions.PolarsError as error:
        raise RuleError(
            f"rule {rule.name!r} can't be evaluated on these columns: {_first_line(error)}",
            where=rule.where,
            available=columns,
        ) from error
    if dtype not in (pl.Boolean, pl.Null):
        raise RuleError(
            f"rule {rule.name!r} gives {dtype}, not true or false",
            where=rule.where,
            available=columns,
            hint="compare it with something: … > 0",
        )


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
