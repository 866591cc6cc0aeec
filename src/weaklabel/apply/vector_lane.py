"""The vector lane: Python rules that answer for many rows at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from weaklabel.apply.answers import NoVoteError, python_vote, short
from weaklabel.apply.batch import Batch, Votes, one_line, shown
from weaklabel.apply.limits import TooMuchError
from weaklabel.apply.python_lane import raised
from weaklabel.errors import RuleFault
from weaklabel.lf.base import run_user_code
from weaklabel.lf.outcomes import may_name, outcomes_of, vote_code
from weaklabel.lf.python import PythonFunction
from weaklabel.schema import ABSTAIN, MISSING, LabelSchema

_TEXTS = (pl.String, pl.Categorical, pl.Enum)
_UNKNOWN = np.int16(-3)
_EACH = "one answer for each row is wanted, in their order: each row is looked at by itself"
_LIMIT_HINT = "task.limits (LFApplier's limits=) allows more"


@dataclass(frozen=True)
class VectorLane:
    """Python rules that get a frame and return a column."""

    rules: tuple[PythonFunction, ...]
    schema: LabelSchema

    def run(self, batch: Batch) -> Votes:
        """Return the votes of every rule of the lane."""
        return {rule.id: self._column(rule, batch) for rule in self.rules}

    def _column(self, rule: PythonFunction, batch: Batch) -> np.ndarray:
        votes = np.full(batch.frame.height, MISSING, np.int8)
        if not len(votes):
            return votes
        done = [0]
        try:
            with batch.limits.over():
                self._fill(rule, batch.seen(rule.fields), batch, votes, done)
        except TooMuchError as error:
            votes[done[0] :] = MISSING
            self._refuse(rule, str(error), error, len(votes) - done[0], batch, hint=_LIMIT_HINT)
        return votes

    def _fill(
        self, rule: PythonFunction, frame: pl.DataFrame, batch: Batch, votes: np.ndarray, done: list[int]
    ) -> None:
        """Show a rule a frame, where it raises halves, and their halves, until the rows on which it fails stand alone."""
        start, stop = done[0], done[0] + frame.height
        answers, error = run_user_code(lambda: answers_of(rule, frame))
        if error is not None and not isinstance(error, NoVoteError) and frame.height > 1:
            half = frame.height // 2
            self._fill(rule, frame.head(half), batch, votes, done)
            self._fill(rule, frame.tail(frame.height - half), batch, votes, done)
            return
        if isinstance(error, NoVoteError):
            self._refuse(rule, str(error), error, frame.height, batch, hint=error.hint)
        elif error is not None:
            votes[start] = _row_fault(
                rule, raised(error), error, start, batch, **about_frame(error, frame, batch)
            )
        else:
            assert answers is not None
            votes[start:stop] = self._votes(rule, answers, batch, start)
        done[0] = stop

    def _votes(self, rule: PythonFunction, answers: pl.Series, batch: Batch, start: int) -> np.ndarray:
        try:
            if rule.returns == "predicate":
                code = vote_code(rule, rule.label or "", self.schema)
                return np.where(_yes_or_no(answers), np.int8(code), np.int8(ABSTAIN))
            codes = self._codes(rule, answers)
        except NoVoteError as wrong:
            self._refuse(rule, str(wrong), wrong, len(answers), batch, hint=wrong.hint)
            return np.full(len(answers), MISSING, np.int8)
        for i in np.flatnonzero(codes == _UNKNOWN).tolist():
            codes[i] = self._unknown(rule, answers[i], batch, start + i)
        return codes.astype(np.int8)

    def _codes(self, rule: PythonFunction, answers: pl.Series) -> np.ndarray:
        """Return the code of each name, -3 for a name that is unknown."""
        if answers.dtype == pl.Null:
            return np.full(len(answers), ABSTAIN, np.int16)
        if answers.dtype not in _TEXTS:
            hint = "return names of labels, null to abstain; give the rule label=… to return true or false"
            raise NoVoteError(f"returned {answers.dtype}, not names of labels", hint)
        texts = answers.cast(pl.String)
        known = {
            outcome.name: vote_code(rule, outcome, self.schema) for outcome in outcomes_of(rule, self.schema)
        }
        labels = [name for name in texts.unique().drop_nulls() if may_name(rule, name, self.schema)]
        known |= {name: vote_code(rule, name, self.schema) for name in labels}
        codes = texts.replace_strict(known, default=int(_UNKNOWN), return_dtype=pl.Int16)
        return np.where(texts.is_null().to_numpy(), np.int16(ABSTAIN), codes.fill_null(ABSTAIN).to_numpy())

    def _unknown(self, rule: PythonFunction, answer: str, batch: Batch, i: int) -> int:
        try:
            return python_vote(rule, str(answer), self.schema)
        except NoVoteError as wrong:
            return _row_fault(rule, str(wrong), wrong, i, batch, hint=wrong.hint, available=self.schema.names)

    def _refuse(
        self,
        rule: PythonFunction,
        what: str,
        error: BaseException,
        rows: int,
        batch: Batch,
        *,
        hint: str | None,
    ) -> None:
        """Raise or count a fault of so many rows together."""
        if (rule.on_error or batch.faults.on_error) == "raise":
            raise RuleFault(f"rule {rule.name!r} {what}", where=rule.where, hint=hint) from error
        batch.faults.counts[rule.id] += rows


def compile_vectors(rules: Iterable[PythonFunction], schema: LabelSchema) -> VectorLane:
    """Compile vectorised Python rules into one lane."""
    return VectorLane(tuple(rules), schema)


def answers_of(function: Callable[..., Any], frame: pl.DataFrame) -> pl.Series:
    """Return what a function of a frame answers, as a Series with one value for each row.

    Raises
    ------
    NoVoteError
        It answers something else; the message completes "the rule …".

    Examples
    --------
    >>> answers_of(lambda frame: pl.col("n") > 1, pl.DataFrame({"n": [1, 2]})).to_list()
    [False, True]
    """
    answer = function(frame)
    if isinstance(answer, pl.Expr):
        answer = frame.select(answer)
        if answer.width != 1:
            raise NoVoteError(
                f"returned an expression that gives {answer.width} columns", "one column is wanted"
            )
        answer = answer.to_series()
    series = _series(answer)
    if len(series) != frame.height:
        raise NoVoteError(f"returned {len(series)} answers for {frame.height} rows", _EACH)
    return series


def about_frame(error: BaseException, frame: pl.DataFrame, batch: Batch) -> dict[str, Any]:
    """Return what is to be said of a column that a function asked its frame for in vain."""
    if not isinstance(error, pl.exceptions.ColumnNotFoundError):
        return {}
    hidden = [n for n in batch.frame.columns if n not in frame.columns and repr(n).strip("'") in str(error)]
    hint = f"its `fields` do not name {hidden[0]!r}: add it there" if hidden else None
    return {"available": frame.columns, "hint": hint}


def _series(answer: Any) -> pl.Series:
    if isinstance(answer, pl.Series):
        return answer
    if isinstance(answer, np.ndarray) and answer.ndim != 1:
        raise NoVoteError(f"returned an array of {answer.ndim} dimensions, which is no column", _EACH)
    if isinstance(answer, np.ndarray) and answer.dtype == object:
        answer = answer.tolist()
    arrow = hasattr(answer, "__arrow_c_stream__") or hasattr(answer, "__arrow_c_array__")
    if isinstance(answer, pl.DataFrame) or not (arrow or isinstance(answer, list | tuple | np.ndarray)):
        raise NoVoteError(f"returned {short(answer)}, which is no column", _EACH)
    series, error = run_user_code(lambda: pl.Series(answer))
    if series is None:
        raise NoVoteError(
            f"returned {short(answer)}, which makes no column: {one_line(error)}", _EACH
        ) from error
    return series


def _yes_or_no(answers: pl.Series) -> np.ndarray:
    if answers.dtype not in (pl.Boolean, pl.Null):
        hint = "compare it with something: … > 0; without label= a rule may return names of labels"
        raise NoVoteError(f"returned {answers.dtype}, not true or false", hint)
    return answers.cast(pl.Boolean).fill_null(False).to_numpy()


def _row_fault(
    rule: PythonFunction, what: str, error: BaseException, i: int, batch: Batch, **more: Any
) -> int:
    values = shown(batch.frame, i, rule.fields)
    more = {key: value for key, value in more.items() if value is not None}
    return batch.faults.vote(rule, what, row=batch.ids[i], values=values, cause=error, **more)
