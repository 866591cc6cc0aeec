"""Rules that fire where a regular expression is found."""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from weaklabel.errors import RuleError
from weaklabel.lf.base import LabelingFunction, caller, check_choice, check_field, check_options
from weaklabel.lf.options import in_yaml
from weaklabel.schema import Outcome

RegexCase = Literal["sensitive", "ignore", "lower"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Regex(LabelingFunction):
    """Fires where Python's `re.search` finds its pattern; made by `regex`.

    Examples
    --------
    >>> rule = regex("has_price", "[0-9]+ ?(EUR|USD)", label="spam")
    >>> rule.fields, rule.matches("only 5 EUR"), rule.matches("5 euros")
    (('text',), True, False)
    """

    pattern: str
    field: str = "text"
    case: RegexCase = "sensitive"

    kind: ClassVar[str] = "regex"

    def __post_init__(self) -> None:
        super().__post_init__()
        check_field(self.field, where=self.where)
        check_choice("case", self.case, ("sensitive", "ignore", "lower"), where=self.where)
        if not isinstance(self.pattern, str):
            hint = "give the text of the pattern; flags stand at its start, such as (?i)"
            raise RuleError(f"`pattern` is text, not {self.pattern!r}", where=self.where, hint=hint)
        if "\b" in self.pattern:
            how = "put the pattern in single quotes" if in_yaml(self.source) else "write r'…'"
            hint = rf"{how}: then \b is a word boundary"
            raise RuleError(f"the pattern {self.pattern!r} holds a backspace", where=self.where, hint=hint)
        try:
            _ = self.compiled
        except re.error as error:
            raise RuleError(_describe(self.pattern, error), where=self.where) from error
        except (OverflowError, RecursionError) as error:
            raise RuleError(f"broken regex {self.pattern!r}: {error}", where=self.where) from error

    @property
    def fields(self) -> tuple[str, ...]:
        """Columns it reads."""
        return (self.field,)

    def parameters(self) -> dict[str, Any]:
        """Return what its kind adds, as plain data."""
        return {"pattern": self.pattern, "field": self.field, "case": self.case}

    @functools.cached_property
    def compiled(self) -> re.Pattern[str]:
        """The compiled pattern."""
        return re.compile(self.pattern, re.IGNORECASE if self.case == "ignore" else 0)

    def matches(self, text: str) -> bool:
        """Say whether the rule fires on a text; every faster way gives the same answer."""
        return self.compiled.search(text.lower() if self.case == "lower" else text) is not None


def regex(
    name: str,
    pattern: str,
    *,
    label: str | Outcome | None = None,
    field: str = "text",
    case: RegexCase = "sensitive",
    **meta: Any,
) -> Regex:
    r"""Make a rule that votes for a label where Python's `re.search` finds a pattern.

    Parameters
    ----------
    name
        What people call it.
    pattern
        A regular expression of Python's `re`; flags may stand at its start, such as ``(?is)``.
    label
        The label it votes for, or `any_of` or `none_of` several.
    field
        The column that it reads. A null text: the rule abstains.
    case
        "sensitive": as the pattern says. "ignore": `re.IGNORECASE`. "lower": the text is lower-cased (`str.lower`)
        first and the pattern is left alone, as published rule sets need it.
    **meta
        id, description, owner, version, tags, fires_on, abstains_on, on_error: see `LabelingFunction`.

    Raises
    ------
    RuleError
        The pattern is broken; the message says where in it.

    Examples
    --------
    >>> rule = regex("has_link", r"https?://", label="spam", case="ignore")
    >>> rule.matches("see HTTP://example.org"), rule.matches("no link")
    (True, False)
    """
    source = meta.pop("source", None) or caller()
    check_options(regex, meta, source, label=label)
    return Regex(name=name, pattern=pattern, label=label, field=field, case=case, source=source, **meta)


def _describe(pattern: str, error: re.error) -> str:
    message = f"broken regex {pattern!r}: {error.msg}"
    if error.pos is None:
        return message
    line = f" (line {error.lineno}, column {error.colno})" if "\n" in pattern else ""
    return f"{message} at position {error.pos}{line}, before {pattern[error.pos : error.pos + 12]!r}"
