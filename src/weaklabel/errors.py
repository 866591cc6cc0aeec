"""Errors that teach: what is wrong, where, what is available, and what to do.

Every error that a user can cause is a `WeakLabelError`; the command line prints it without a traceback.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import polars as pl


class WeakLabelError(Exception):
    """Root of every error that bad input can cause.

    Parameters
    ----------
    what
        What is wrong, in one sentence, with the offending value.
    where
        File and line, rule, column or row id.
    available
        What could have been meant: names, columns, labels.
    hint
        What to do next.

    Examples
    --------
    >>> print(WeakLabelError("unknown label 'spma'", available=["ham", "spam"], hint="did you mean 'spam'?"))
    unknown label 'spma'
      available: ham, spam
      hint: did you mean 'spam'?
    """

    def __init__(
        self,
        what: str,
        *,
        where: str | None = None,
        available: Iterable[object] | None = None,
        hint: str | None = None,
    ) -> None:
        self.what = what
        self.where = where
        self.available = None if available is None else tuple(str(a) for a in available)
        self.hint = hint
        super().__init__(what, where, self.available, hint)

    def __str__(self) -> str:
        lines = [self.what]
        if self.where:
            lines.append(f"  where: {self.where}")
        if self.available is not None:
            lines.append(f"  available: {_shorten(self.available)}")
        if self.hint:
            lines.append(f"  hint: {self.hint}")
        return "\n".join(lines)

    def __reduce__(self) -> tuple[object, ...]:
        return (_rebuild, (type(self), dict(self.__dict__)))


class SchemaError(WeakLabelError):
    """A label schema is malformed, or a label is not in it."""


class RuleError(WeakLabelError):
    """A labeling function is malformed: broken regex, duplicate id, bad YAML, missing field."""


class RuleFault(WeakLabelError):
    """A labeling function raised, or gave a value that is no vote, on one row."""


class CorpusError(WeakLabelError):
    """A corpus can't be read: missing file or column, broken bytes, duplicate ids."""


class VotesError(WeakLabelError):
    """Votes are malformed: codes out of range, repeated answers, a table that holds no votes."""


class ModelError(WeakLabelError):
    """A label model can't be made, fitted, loaded or asked."""


class GoldError(WeakLabelError):
    """Gold labels are malformed or don't belong to the rows at hand."""


class ConfigError(WeakLabelError):
    """A configuration is malformed: misspelt key, unknown choice, value of a wrong type."""


class OutputError(WeakLabelError):
    """A result can't be written: folder not writable, disk full, file in the way."""


class Problems(WeakLabelError):
    """Several problems of one place, reported together.

    Examples
    --------
    >>> print(Problems("rules/", [RuleError("broken regex"), RuleError("unknown label 'x'")]))
    2 problems in rules/
      1. broken regex
      2. unknown label 'x'
    """

    def __init__(self, place: str, problems: Sequence[WeakLabelError]) -> None:
        self.place = place
        self.problems = tuple(problems)
        count = f"{len(self.problems)} problem{'s' * (len(self.problems) != 1)}"
        super().__init__(f"{count} in {place}")

    def __str__(self) -> str:
        lines = [self.what]
        for i, problem in enumerate(self.problems, 1):
            first, *rest = str(problem).splitlines()
            lines.append(f"  {i}. {first}")
            lines.extend(f"   {line}" for line in rest)
        return "\n".join(lines)


def did_you_mean(name: object, names: Iterable[str]) -> str | None:
    """Return a hint that names the nearest known names, or None when nothing is near.

    Examples
    --------
    >>> did_you_mean("spma", ["ham", "spam"])
    "did you mean 'spam'?"
    """
    by_lower = {n.lower(): n for n in names}
    asked = str(name).lower()
    near = difflib.get_close_matches(asked, list(by_lower), n=3, cutoff=0.5)
    if not near:
        return None
    likeness = {n: difflib.SequenceMatcher(None, n, asked).ratio() for n in near}
    near = [n for n in near if likeness[n] >= likeness[near[0]] - 0.25]
    return f"did you mean {' or '.join(repr(by_lower[n]) for n in near)}?"


def some(names: Sequence[object] | pl.Series, limit: int = 5) -> str:
    """Return the first few of many names, quoted.

    Examples
    --------
    >>> some(["a", "b", "c"], limit=2)
    "'a', 'b' and 1 more"
    """
    shown = ", ".join(repr(name) for name in list(names[:limit]))
    return shown + (f" and {len(names) - limit} more" if len(names) > limit else "")


def _shorten(names: Sequence[str], limit: int = 40) -> str:
    if not names:
        return "nothing"
    more = f", … ({len(names) - limit} more)" if len(names) > limit else ""
    return ", ".join(names[:limit]) + more


def _rebuild(cls: type[WeakLabelError], state: dict[str, object]) -> WeakLabelError:
    error = cls.__new__(cls)
    error.__dict__.update(state)
    error.args = (state.get("what"), state.get("where"), state.get("available"), state.get("hint"))
    return error
