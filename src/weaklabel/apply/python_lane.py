"""The Python lane: plain functions over row mappings, and Snorkel's objects over pandas rows."""

from __future__ import annotations

import inspect
import math
import numbers
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
import polars as pl

from weaklabel.apply.batch import Batch, Votes, one_line, shown
from weaklabel.apply.limits import TooMuchError
from weaklabel.errors import RuleError, SchemaError, did_you_mean
from weaklabel.lf.base import LabelingFunction, run_user_code
from weaklabel.lf.outcomes import outcomes_of, vote_code
from weaklabel.lf.python import PythonFunction
from weaklabel.lf.snorkel import SnorkelFunction
from weaklabel.schema import ABSTAIN, MISSING, Label, LabelSchema, Outcome

_CODE_HINT = "a code is a position in the schema, or -1 to abstain"


class _Row(dict[str, Any]):
    """A row that, asked for a column it has not, says which it has."""

    def __missing__(self, column: object) -> Any:
        raise _NoColumnError(column)


class _NoColumnError(KeyError):
    """A rule read a column that its row has not."""


class NoVoteError(ValueError):
    """A rule's answer is no vote; the message completes "the rule …"."""

    def __init__(self, what: str, hint: str | None = None) -> None:
        super().__init__(what)
        self.hint = hint


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
            frame = batch.frame.select(fields or pl.all())
            changeable = any(dtype.is_nested() for dtype in frame.dtypes)
            rows = _rows(frame)
            for rule in rules:
                votes[rule.id] = self._column(rule, rows, batch)
                rows = _rows(frame) if changeable else rows
        if self.snorkel:
            votes.update(self._snorkel_votes(batch))
        return votes

    def _column(self, rule: PythonFunction, rows: Sequence[Mapping[str, Any]], batch: Batch) -> np.ndarray:
        """Show every row to a rule, as long as it keeps to its limits."""
        votes = np.full(len(rows), MISSING, np.int8)
        i = 0
        try:
            with batch.limits.over():
                for i, row in enumerate(rows):
                    votes[i] = self._vote(rule, row, i, batch)
        except TooMuchError as error:
            _ended(rule, error, i, batch)
        return votes

    def _vote(self, rule: PythonFunction, row: Mapping[str, Any], i: int, batch: Batch) -> int:
        answer, error = run_user_code(lambda: rule(row))
        if error is None:
            try:
                return python_vote(rule, answer, self.schema)
            except NoVoteError as wrong:
                available = None if rule.returns == "predicate" else self.schema.names
                return _fault(rule, str(wrong), wrong, i, batch, hint=wrong.hint, available=available)
        return _fault(rule, _raised(error), error, i, batch, **_about_row(error, row, batch))

    def _snorkel_votes(self, batch: Batch) -> Votes:
        """Show each row, as the pandas Series that DataFrame.apply gives, to every Snorkel rule in turn."""
        votes: Votes = {rule.id: np.full(batch.frame.height, MISSING, np.int8) for rule in self.snorkel}
        rules, rows = list(self.snorkel), batch.frame.to_pandas()
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
                return snorkel_vote(answer, self.schema)
            except NoVoteError as wrong:
                return _fault(rule, str(wrong), wrong, i, batch, hint=wrong.hint, available=self.schema.names)
        return _fault(rule, _raised(error), error, i, batch)


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


def python_vote(rule: PythonFunction, answer: Any, schema: LabelSchema) -> int:
    """Return the code that a Python rule's answer stands for.

    Raises
    ------
    NoVoteError
        The answer is no vote.
    """
    if rule.returns == "predicate":
        return vote_code(rule, rule.label or "", schema) if _is_true(answer) else ABSTAIN
    if answer is None or (_is_number(answer) and answer == ABSTAIN):
        return ABSTAIN
    if isinstance(answer, str):
        if answer in schema:
            return schema.code(answer)
        hint = did_you_mean(answer[:100], schema.names)
        raise NoVoteError(f"returned the unknown label {_short(answer)}", hint)
    if isinstance(answer, Outcome):
        return _outcome_vote(rule, answer, schema)
    _check_finished(answer)
    raise NoVoteError(f"returned {_short(answer)}, which is no vote", _instead(answer, schema))


def _outcome_vote(rule: PythonFunction, answer: Outcome, schema: LabelSchema) -> int:
    try:
        return vote_code(rule, answer, schema)
    except SchemaError as error:
        raise NoVoteError(f"returned {answer.name!r}: {error.what}", error.hint) from error
    except RuleError as error:
        call = f"{'none_of' if answer.against else 'any_of'}({', '.join(map(repr, answer.labels))})"
        listed = ", ".join(outcome.name for outcome in outcomes_of(rule, schema)) or "nothing"
        what = f"returned {answer.name!r}, which its `outcomes` do not list (they list {listed})"
        raise NoVoteError(what, f"list it: @labeling_function(outcomes=[{call}])") from error


def snorkel_vote(answer: Any, schema: LabelSchema) -> int:
    """Return the code that a Snorkel rule's answer stands for: a position in the schema; negative abstains.

    Raises
    ------
    NoVoteError
        The answer is no whole number, or there is no such position.
    """
    if not isinstance(answer, numbers.Real | np.bool_):
        raise NoVoteError(f"returned {_short(answer)}, which is no code", _CODE_HINT)
    number = float(answer)
    if not number.is_integer():
        raise NoVoteError(f"returned {_short(answer)}, which is no code", _CODE_HINT)
    if number >= len(schema):
        raise NoVoteError(f"returned code {int(number)}; the schema's codes are 0 to {len(schema) - 1}")
    return max(int(number), ABSTAIN)


def _is_true(answer: Any) -> bool:
    if answer is None or isinstance(answer, bool):
        return bool(answer)
    if _is_number(answer) and (answer < 0 or math.isnan(answer)):
        hint = "return True or False; without label= a rule may return a label, or -1 to abstain"
        raise NoVoteError(f"returned {answer!r}, which is no yes or no", hint)
    _check_finished(answer)
    _check_says_something(answer)
    truth, error = run_user_code(lambda: bool(answer))
    if error is not None:
        raise NoVoteError(f"returned {_short(answer)}, which is no yes or no: {one_line(error)}") from error
    return bool(truth)


def _check_says_something(answer: Any) -> None:
    """Refuse what Python calls true of every row, because something was left out."""
    instead = None
    if isinstance(answer, str | bytes | Outcome | Label):
        if not answer:
            return
        instead = "leave label= out to return labels, or return True or False"
    elif isinstance(answer, Iterator):
        instead = "an iterator is true even when it is empty: use any(…), or list(…)"
    elif isinstance(answer, MappingProxyType | re.Pattern):
        what = "the row is" if isinstance(answer, MappingProxyType) else "a pattern is"
        instead = f"{what} always true: return what is found in it"
    elif callable(answer):
        instead = "call it: add ()"
    if instead:
        raise NoVoteError(f"returned {_short(answer)}, which is no yes or no", instead)


def _check_finished(answer: Any) -> None:
    """Refuse what has not run yet, and what Python would call true whatever comes of it."""
    if inspect.iscoroutine(answer):
        answer.close()
    if inspect.isawaitable(answer) or inspect.isgenerator(answer) or inspect.isasyncgen(answer):
        hint = "a rule is a plain function: let it return its answer, without async or yield"
        raise NoVoteError(f"returned a {type(answer).__name__}, which has not run yet", hint)
    if answer is NotImplemented:
        raise NoVoteError("returned NotImplemented, which is no yes or no", "return None to abstain")


def _is_number(answer: object) -> bool:
    return isinstance(answer, numbers.Real) and not isinstance(answer, bool)


def _instead(answer: Any, schema: LabelSchema) -> str:
    if isinstance(answer, bool | np.bool_):
        return "give the rule label=…, then it may return True or False"
    if isinstance(answer, numbers.Integral) and int(answer) in range(len(schema)):
        return f"return the label's name, {schema.label(int(answer))!r}, not its code"
    return "return the name of a label, or None to abstain"


def _ended(rule: LabelingFunction, error: TooMuchError, i: int, batch: Batch) -> None:
    """Raise or count that a rule was ended at a row: it does not vote on the rest of the batch."""
    hint = "task.limits (LFApplier's limits=) allows more; look at this row first"
    _fault(rule, str(error), error, i, batch, hint=hint)
    batch.faults.counts[rule.id] += batch.frame.height - i - 1


def _raised(error: BaseException) -> str:
    name = "KeyError" if isinstance(error, _NoColumnError) else type(error).__name__
    text = one_line(error).replace("'mappingproxy' object", "a row").replace("'mappingproxy'", "a row")
    return f"raised {name}: {text}" if text else f"raised {name}"


def _short(answer: object) -> str:
    text, error = run_user_code(lambda: repr(answer))
    return one_line(text, 60) if error is None else f"a {type(answer).__name__}"


def _rows(frame: pl.DataFrame) -> list[Mapping[str, Any]]:
    """Return rows that a rule can't change, save for lists and objects in them."""
    return [MappingProxyType(_Row(row)) for row in frame.iter_rows(named=True)]


def _about_row(error: BaseException, row: Mapping[str, Any], batch: Batch) -> dict[str, Any]:
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
