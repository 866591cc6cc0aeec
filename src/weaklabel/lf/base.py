"""What every labeling function has, whatever its kind.

A labeling function is an expression from a batch of documents to one Int8 column of votes. It is a frozen object:
what it means (kind, parameters, label) and what people need to know of it (name, owner, examples, file and line).
How it is run is the affair of `weaklabel.apply`.
"""

from __future__ import annotations

import functools
import re
import reprlib
import sys
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, ClassVar, Literal, TypeVar

import polars as pl

from weaklabel.errors import RuleError, did_you_mean
from weaklabel.fingerprint import fingerprint
from weaklabel.schema import VOTE_PREFIX

OnError = Literal["raise", "abstain"]
Example = str | Mapping[str, Any]

META = ("id", "description", "owner", "version", "tags", "fires_on", "abstains_on", "on_error")
"""What every maker takes beside its own parameters."""

RESERVED_IDS = frozenset({"id", "label", "gold", "status"})
"""Ids that would be mistaken for the columns of a label table."""

_ID = re.compile(r"[\w.-]+")
_T = TypeVar("_T")


@dataclass(frozen=True)
class Source:
    """Where a rule is written.

    Examples
    --------
    >>> str(Source("rules/spam.yaml", 12, 5))
    'rules/spam.yaml:12'
    """

    file: str
    line: int
    column: int | None = None

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"

    @property
    def precise(self) -> str:
        """File, line and, where known, column."""
        return str(self) if self.column is None else f"{self}:{self.column}"


@dataclass(frozen=True, kw_only=True, eq=False)
class LabelingFunction:
    """The common part of every kind of rule; use a maker such as `keywords`, `regex` or `where` to make one.

    Parameters
    ----------
    name
        What people call it.
    label
        The label it votes for; None for the kinds that choose a label per row.
    id
        Unique and kept when the name changes; its votes stand in column ``lf:<id>``. Default: the name as a slug.
    description, owner, version, tags
        For people; `version` is part of the fingerprint.
    fires_on, abstains_on
        Examples, run as tests: a text (the value of the rule's field), or a mapping from field to value.
    on_error
        "raise" or "abstain" when the rule fails on a row; None leaves it to the applier.
    source
        File and line.

    Notes
    -----
    Two rules are equal when all but their source is equal.

    Examples
    --------
    >>> from weaklabel.lf import keywords
    >>> rule = keywords("Says thanks", ["thanks"], label="ham", owner="ann")
    >>> rule.kind, rule.id, rule.column, rule.labels
    ('keywords', 'says_thanks', 'lf:says_thanks', ('ham',))
    """

    name: str
    label: str | None = None
    id: str = ""
    description: str = ""
    owner: str = ""
    version: str = ""
    tags: tuple[str, ...] = ()
    fires_on: tuple[Example, ...] = ()
    abstains_on: tuple[Example, ...] = ()
    on_error: OnError | None = None
    source: Source | None = field(default=None, compare=False)

    kind: ClassVar[str] = ""
    needs_label: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not self.name.strip():
            raise RuleError(f"a rule's name is text, not {self.name!r}", where=_where(self.source))
        self._set("id", self.id or slug(self.name))
        for attribute in ("tags", "fires_on", "abstains_on"):
            self._set(attribute, self._tuple(attribute))
        self._check_common()

    @property
    def column(self) -> str:
        """Name of its vote column."""
        return f"{VOTE_PREFIX}{self.id}"

    @property
    def fields(self) -> tuple[str, ...]:
        """Columns it reads; an empty tuple means all columns."""
        raise NotImplementedError(f"{type(self).__name__}.fields")

    @property
    def labels(self) -> tuple[str, ...]:
        """Labels it is known to vote for."""
        return () if self.label is None else (self.label,)

    @property
    def where(self) -> str:
        """Name, and file and line, for messages."""
        return f"rule {self.name!r}" + (f" at {self.source}" if self.source else "")

    def parameters(self) -> dict[str, Any]:
        """Return what its kind adds, as plain data."""
        raise NotImplementedError(f"{type(self).__name__}.parameters")

    @functools.cached_property
    def fingerprint(self) -> str:
        """32 hexadecimal digits that change whenever its votes can: kind, parameters, label, version, on_error."""
        return fingerprint(
            {
                "kind": self.kind,
                "label": self.label,
                "version": self.version,
                "on_error": self.on_error,
                "parameters": self._identity(),
            }
        )

    def _identity(self) -> Any:
        """Return what of its parameters decides the votes."""
        return self.parameters()

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, LabelingFunction) or type(other) is not type(self):
            return NotImplemented
        return self._shown() == other._shown() and self.fingerprint == other.fingerprint

    def __hash__(self) -> int:
        return hash((self.kind, self.id, self.label))

    def _shown(self) -> tuple[Any, ...]:
        common = (f for f in fields(LabelingFunction) if f.compare)
        return tuple(getattr(self, f.name) for f in common)

    def _set(self, attribute: str, value: object) -> None:
        object.__setattr__(self, attribute, value)

    def _tuple(self, attribute: str) -> tuple[Any, ...]:
        value = getattr(self, attribute)
        if isinstance(value, str | Mapping) or not isinstance(value, Iterable):
            raise RuleError(
                f"`{attribute}` is a list, not {reprlib.repr(value)}",
                where=self.where,
                hint=f"{attribute}=[{reprlib.repr(value)}]",
            )
        return tuple(dict(v) if isinstance(v, Mapping) else v for v in value)

    def _check_common(self) -> None:
        if not isinstance(self.id, str) or not _ID.fullmatch(self.id):
            raise RuleError(
                f"{self.id!r} is no id: letters, digits, `_`, `-` and `.` only",
                where=self.where,
                hint=f"id={slug(str(self.id)) or 'my_rule'!r}",
            )
        if self.label is not None and not isinstance(self.label, str):
            raise RuleError(
                f"a label's name is text, not {self.label!r}",
                where=self.where,
                hint="name the label, not its code; in YAML quote yes, no, on and off",
            )
        for attribute in ("description", "owner", "version"):
            if not isinstance(getattr(self, attribute), str):
                raise RuleError(f"`{attribute}` is text, not {getattr(self, attribute)!r}", where=self.where)
        for tag in self.tags:
            if not isinstance(tag, str):
                raise RuleError(f"a tag is text, not {tag!r}", where=self.where)
        for example in (*self.fires_on, *self.abstains_on):
            if not isinstance(example, str | Mapping):
                raise RuleError(
                    f"an example is a text or a mapping from field to value, not {example!r}",
                    where=self.where,
                )
        check_choice("on_error", self.on_error, (None, "raise", "abstain"), where=self.where)


def slug(name: str) -> str:
    """Return a name as an id: lower case, runs of anything but letters and digits as one `_`.

    Examples
    --------
    >>> slug("Asks for a refund!")
    'asks_for_a_refund'
    """
    return re.sub(r"[^\w.-]+", "_", unicodedata.normalize("NFC", name).casefold()).strip("_")


def caller() -> Source | None:
    """Return the place outside this package's rule makers from which the running function was called."""
    frame = sys._getframe(1)
    while frame is not None and str(frame.f_globals.get("__name__", "")).startswith("weaklabel.lf"):
        frame = frame.f_back  # type: ignore[assignment]
    return None if frame is None else Source(frame.f_code.co_filename, frame.f_lineno)


def check_choice(name: str, value: object, choices: tuple[Any, ...], *, where: str | None = None) -> None:
    """Raise a RuleError unless the value is one of the choices."""
    if value not in choices:
        shown = [c for c in choices if c is not None]
        raise RuleError(
            f"unknown {name} {value!r}",
            where=where,
            available=shown,
            hint=did_you_mean(value, map(str, shown)),
        )


def check_field(value: object, *, where: str | None = None) -> None:
    """Raise a RuleError unless the value can name a column."""
    if not isinstance(value, str) or not value:
        raise RuleError(f"`field` names a column, not {value!r}", where=where)


def run_user_code(function: Callable[[], _T]) -> tuple[_T | None, BaseException | None]:
    """Call code that users wrote and return its value, or the exception that it raised.

    The one place where any exception is caught: a rule may raise anything, call `sys.exit` or let Polars panic, and each is
    reported with the rule's file and line and the row's id.
    """
    try:
        return function(), None
    except (Exception, SystemExit, pl.exceptions.PanicException) as error:  # noqa: BLE001
        return None, error


def _where(source: Source | None) -> str | None:
    return None if source is None else str(source)
