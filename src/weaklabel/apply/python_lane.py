"""The Python lane: plain functions over row mappings, and Snorkel's objects over pandas rows."""

from __future__ import annotations

import functools
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
import polars as pl

from weaklabel.apply.answers import NoVoteError, python_vote, snorkel_vote
from weaklabel.apply.batch import Batch, Votes, one_line, shown
from weaklabel.apply.limits import TooMuchError
from weaklabel.errors import did_you_mean
from weaklabel.lf.base import LabelingFunction, run_user_code
from weaklabel.lf.outcomes import vote_code
from weaklabel.lf.python import PythonFunction
from weaklabel.lf.snorkel import SnorkelFunction
from weaklabel.schema import ABSTAIN, MISSING, LabelSchema

_PLAIN = frozenset({re.Match, list, tuple, dict, set, frozenset})
"""Types of answers that are yes or no as Python says, without a second look."""


class _Row(dict[str, Any]):
    """A row that, asked for a column it has not, says which it has."""

    def __missing__(self, column: object) -> Any:
        raise _NoColumnError(column)


class _NoColumnError(KeyError):
    """A rule read a column that its row has not."""


@dataclass(frozen=True)
class PythonLane:
    """Python rules, by the columns that their rows hold, and Snorkel rules."""

    groups: tuple[tuple[tuple[str, ...], tuple[PythonFunction, ...]], ...]
    snorkel: tuple[SnorkelFunction, ...]
    schema: LabelSchema

    def run(self, batch: Batch) -> Votes:
        """Return the votes of every rule of the lane."""
        votes: Votes = {}
        for fields, rules in self.groups:
            frame = batch.seen(fields)
            changeable = any(dtype.is_nested() or dtype == pl.Object for dtype in frame.dtypes)
            rows = rows_of(frame)
            for rule in rules:
                votes[rule.id] = self._column(rule, rows, batch)
                rows = rows_of(frame) if changeable else rows
        if self.snorkel:
            votes.update(self._snorkel_votes(batch))
        return votes

    def _column(self, rule: PythonFunction, rows: Sequence[Mapping[str, Any]], batch: Batch) -> np.ndarray:
        """Show every row to a rule, as long as it keeps to its limits."""
        codes: list[int] = []
        known: dict[str, int] = {}
        ask = self._asker(rule, rows, codes, known)
        try:
            with batch.limits.over():
                while len(codes) < len(rows):
                    answer, error = run_user_code(ask)
                    if len(codes) < len(rows):
                        codes.append(self._vote(rule, answer, error, rows[len(codes)], len(codes), batch))
                        if type(answer) is str and codes[-1] >= 0:
                            known[answer] = codes[-1]
        except TooMuchError as error:
            del codes[len(rows) - 1 :]
            _ended(rule, error, len(codes), batch)
            codes += [MISSING] * (len(rows) - len(codes))
        return np.array(codes, np.int8)

    def _asker(
        self,
        rule: PythonFunction,
        rows: Iterable[Mapping[str, Any]],
        codes: list[int],
        known: Mapping[str, int],
    ) -> Callable[[], Any]:
        """Return what asks a rule row by row, each once, up to an answer that needs a second look, which it returns."""
        function = (
            functools.partial(rule.function, **dict(rule.resources)) if rule.resources else rule.function
        )
        if rule.returns == "label":
            return functools.partial(_ask_label, function, iter(rows), codes, known)
        yes = vote_code(rule, rule.label or "", self.schema)
        return functools.partial(_ask_yes_or_no, function, iter(rows), codes, yes)

    def _vote(
        self,
        rule: PythonFunction,
        answer: Any,
        error: BaseException | None,
        row: Mapping[str, Any],
        i: int,
        batch: Batch,
    ) -> int:
        """Return the vote of an answer that needs a second look, or of what was raised instead."""
        if error is None:
            try:
                return python_vote(rule, answer, self.schema)
            except NoVoteError as wrong:
                available = None if rule.returns == "predicate" else self.schema.names
                return _fault(rule, str(wrong), wrong, i, batch, hint=wrong.hint, available=available)
        return _fault(rule, raised(error), error, i, batch, **about_row(error, row, batch))

    def _snorkel_votes(self, batch: Batch) -> Votes:
        """Show each row, as the pandas Series that DataFrame.apply gives, to every Snorkel rule in turn."""
        votes: Votes = {rule.id: np.full(batch.frame.height, MISSING, np.int8) for rule in self.snorkel}
        rules, rows = list(self.snorkel), batch.seen(()).to_pandas()
        at, rule = 0, rules[0]

        def show(row: Any) -> None:
            nonlocal at, rule
            for rule in rules:
                votes[rule.id][at] = self._snorkel_vote(rule, row, at, batch)
            at += 1

        while rules and at < len(rows):
            try:
                with batch.limits.of(len(rules)).over():
                    rows.iloc[at:].apply(show, axis=1)
            except TooMuchError as error:
                _ended(rule, error, at, batch)
                votes[rule.id][at:] = MISSING
                rules.remove(rule)
        return votes

    def _snorkel_vote(self, rule: SnorkelFunction, row: Any, i: int, batch: Batch) -> int:
        answer, error = run_user_code(lambda: rule.function(row))
        if error is None:
            try:
                return snorkel_vote(rule, answer, self.schema)
            except NoVoteError as wrong:
                return _fault(rule, str(wrong), wrong, i, batch, hint=wrong.hint, available=self.schema.names)
        return _fault(rule, raised(error), error, i, batch)


def _ask_yes_or_no(
    function: Callable[..., object], rows: Iterator[Mapping[str, Any]], codes: list[int], yes: int
) -> Any:
    vote = codes.append
    for row in rows:
        answer = function(row)
        if answer is True:
            vote(yes)
        elif answer is False or answer is None:
            vote(ABSTAIN)
        elif type(answer) in _PLAIN:
            vote(yes if answer else ABSTAIN)
        else:
            return answer
    return None


def _ask_label(
    function: Callable[..., object],
    rows: Iterator[Mapping[str, Any]],
    codes: list[int],
    known: Mapping[str, int],
) -> Any:
    vote = codes.append
    for row in rows:
        answer = function(row)
        if answer is None:
            vote(ABSTAIN)
        elif type(answer) is str and answer in known:
            vote(known[answer])
        else:
            return answer
    return None


def compile_python(rules: Iterable[LabelingFunction], schema: LabelSchema) -> PythonLane:
    """Compile Python and Snorkel rules into one lane."""
    groups: dict[tuple[str, ...], list[PythonFunction]] = defaultdict(list)
    snorkel = []
    for rule in rules:
        if isinstance(rule, PythonFunction):
            groups[rule.fields].append(rule)
        elif isinstance(rule, SnorkelFunction):
            snorkel.append(rule)
    return PythonLane(tuple((fields, tuple(own)) for fields, own in groups.items()), tuple(snorkel), schema)


def _ended(rule: LabelingFunction, error: TooMuchError, i: int, batch: Batch) -> None:
    """Raise or count that a rule was ended at a row: it does not vote on the rest of the batch."""
    hint = "task.limits (LFApplier's limits=) allows more; look at this row first"
    _fault(rule, str(error), error, i, batch, hint=hint)
    batch.faults.counts[rule.id] += batch.frame.height - i - 1


def raised(error: BaseException) -> str:
    """Return what a function raised in one line, to complete "the rule …"."""
    name = "KeyError" if isinstance(error, _NoColumnError) else type(error).__name__
    text = one_line(error).replace("'mappingproxy' object", "a row").replace("'mappingproxy'", "a row")
    return f"raised {name}: {text}" if text else f"raised {name}"


def rows_of(frame: pl.DataFrame) -> list[Mapping[str, Any]]:
    """Return rows that a function can't change, save for lists and objects in them."""
    names = frame.columns
    values = zip(*(column.to_list() for column in frame), strict=True)
    return [MappingProxyType(_Row(zip(names, row, strict=True))) for row in values]


def about_row(error: BaseException, row: Mapping[str, Any], batch: Batch) -> dict[str, Any]:
    """Return what is to be said of a column that a rule asked for in vain, or of a row taken for something else."""
    if isinstance(error, MemoryError):
        return {"hint": "task.limits.megabytes bounds what a rule may take; look at this row first"}
    columns = tuple(row)
    text = "text" if "text" in row or not columns else columns[0]
    look = f'the function gets a row, a mapping from column to value: write row["{text}"]'
    if isinstance(error, AttributeError) and error.obj is row:
        name = error.name if error.name in row else text
        return {"available": columns, "hint": look.replace(f'"{text}"]', f'"{name}"]')}
    if isinstance(error, TypeError) and "'mappingproxy'" in str(error):
        changes = "assignment" in str(error) or "deletion" in str(error)
        return {"hint": "a row can't be changed; change a copy: dict(row)" if changes else look}
    if not isinstance(error, _NoColumnError):
        return {}
    column = error.args[0]
    if not isinstance(column, str):
        return {"available": columns, "hint": look}
    if column in batch.frame.columns:
        return {"available": columns, "hint": f"the rule's `fields` do not name {column!r}: add it there"}
    return {"available": columns, "hint": did_you_mean(column, row)}


def _fault(rule: LabelingFunction, what: str, error: BaseException, i: int, batch: Batch, **more: Any) -> int:
    values = shown(batch.frame, i, rule.fields)
    more = {key: value for key, value in more.items() if value is not None}
    return batch.faults.vote(rule, what, row=batch.ids[i], values=values, cause=error, **more)
