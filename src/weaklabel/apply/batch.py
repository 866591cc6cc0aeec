"""What every lane gets and gives: a batch of rows, and the book of faults."""

from __future__ import annotations

import reprlib
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import polars as pl

from weaklabel.apply.limits import USUAL, Limits
from weaklabel.errors import RuleError, RuleFault
from weaklabel.lf.base import LabelingFunction, OnError, run_user_code
from weaklabel.schema import ABSTAIN, MISSING

Votes = dict[str, np.ndarray]
"""Int8 votes per rule id, one for each row of the batch."""

_TEXT_TYPES = (pl.String, pl.Categorical, pl.Enum, pl.Null)
_SHORT = reprlib.Repr()
_SHORT.maxstring = _SHORT.maxother = 80


@dataclass
class Faults:
    """Rules' failures: raised, or counted, as the rule or else the applier wants it."""

    on_error: OnError = "raise"
    counts: Counter[str] = field(default_factory=Counter)

    def vote(
        self, rule: LabelingFunction, what: str, *, row: object, values: Mapping[str, Any], **more: Any
    ) -> int:
        """Count one fault and return the vote that stands for it, or raise it.

        Parameters
        ----------
        rule
            The rule that failed.
        what
            What it did.
        row
            Id of the row.
        values
            What the rule was shown.
        **more
            `available`, `hint` and `cause` of the error.
        """
        if (rule.on_error or self.on_error) == "abstain":
            self.counts[rule.id] += 1
            return MISSING
        cause = more.pop("cause", None)
        more.setdefault("hint", 'on_error="abstain" counts such rows and goes on')
        shown = ", ".join(f"{name}={_SHORT.repr(value)}" for name, value in values.items())
        place = f"{rule.where}, row {str(row)!r}" + (f", {shown}" if shown else "")
        raise RuleFault(f"rule {rule.name!r} {what}", where=place, **more) from cause


@dataclass(frozen=True)
class Batch:
    """Some rows of a corpus, with their ids, the book of faults, and what a rule may use up."""

    frame: pl.DataFrame
    ids: pl.Series
    faults: Faults
    limits: Limits = USUAL
    made: tuple[str, ...] = ()
    """Columns of the frame that are features."""

    def seen(self, fields: Iterable[str]) -> pl.DataFrame:
        """Return what is shown of the rows to a rule: its fields, or all columns of the corpus when it names none."""
        return self.frame.select(tuple(fields) or [n for n in self.frame.columns if n not in self.made])


class Lane(Protocol):
    """Rules of some kinds, compiled to run together over batches."""

    def run(self, batch: Batch) -> Votes:
        """Return the votes of every rule of the lane."""
        ...


def one_line(value: object, limit: int = 300) -> str:
    """Return a value's text as one line of bounded length, even where the value can't say what it is.

    Examples
    --------
    >>> one_line("a\\n  b"), one_line("x" * 1000, limit=5)
    ('a b', 'xxxx…')
    """
    text, error = run_user_code(lambda: str(value))
    if error is not None or text is None:
        return f"a {type(value).__name__}"
    flat = " ".join(text[: 10 * limit].split())
    return flat if len(flat) <= limit else f"{flat[: limit - 1]}…"


def no_votes(n: int) -> np.ndarray:
    """Return `n` abstentions."""
    return np.full(n, ABSTAIN, np.int8)


def distinct_texts(column: pl.Series) -> tuple[list[str], np.ndarray]:
    """Return the distinct texts of a column, and for each row the position of its text; -1 for null.

    Examples
    --------
    >>> texts, rows = distinct_texts(pl.Series(["a", None, "b", "a"]))
    >>> texts, rows.tolist()
    (['a', 'b'], [0, -1, 1, 0])
    """
    places: dict[str | None, int] = {None: -1}
    rows = [places.setdefault(text, len(places) - 1) for text in column.to_list()]
    return [text for text in places if text is not None], np.asarray(rows, np.int64)


def text_column(frame: pl.DataFrame, name: str, rules: Iterable[LabelingFunction]) -> pl.Series:
    """Return a column as text, or raise a RuleError that names the first rule that wants it so."""
    column = frame.get_column(name)
    if column.dtype in _TEXT_TYPES or isinstance(column.dtype, pl.Enum | pl.Categorical):
        return column.cast(pl.String)
    rule = next(iter(rules))
    raise RuleError(
        f"column {name!r} holds {column.dtype}, not text",
        where=rule.where,
        hint="a where rule compares numbers and dates",
    )


def spread(votes: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Return the vote of each row from the votes of the distinct texts; null texts abstain."""
    return np.append(votes, np.int8(ABSTAIN))[rows]


def shown(frame: pl.DataFrame, row: int, fields: Iterable[str]) -> dict[str, Any]:
    """Return what a rule saw of one row; nothing for a rule that reads all columns, unless there is a text."""
    names = tuple(fields) or tuple(name for name in ("text",) if name in frame.columns)
    return {name: frame.get_column(name)[row] for name in names if name in frame.columns}
