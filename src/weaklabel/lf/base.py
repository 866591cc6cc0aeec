"""What every labeling function has, whatever its kind.

A labeling function is an expression from a batch of documents to one Int8 column of votes. It is a frozen object:
what it means (kind, parameters, label) and what people need to know of it (name, owner, examples, file and line).
How it is run is the affair of `weaklabel.apply`.
"""

from __future__ import annotations

import contextlib
import functools
import inspect
import re
import reprlib
import sys
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, fields
from datetime import date, datetime
from typing import Any, ClassVar, Literal, TypeVar

import polars as pl

from weaklabel.errors import RuleError, did_you_mean
from weaklabel.fingerprint import fingerprint
from weaklabel.lf.options import in_yaml, list_hint, option
from weaklabel.schema import VOTE_PREFIX, Outcome

OnError = Literal["raise", "abstain"]
State = Literal["draft", "active", "retired", "slice"]
STATES = ("draft", "active", "retired", "slice")
Example = str | Mapping[str, Any]

META = (
    "id",
    "description",
    "owner",
    "version",
    "tags",
    "fires_on",
    "abstains_on",
    "on_error",
    "state",
    "valid_from",
    "valid_until",
    "muted",
)
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
        The label it votes for, or a set of labels or a negation (`any_of`, `none_of`); None for the kinds that choose a
        label per row.
    id
        Unique and kept when the name changes; its votes stand in column ``lf:<id>``. Default: the name as a slug.
    description, owner, version, tags
        For people; `version` is part of the fingerprint.
    fires_on, abstains_on
        Examples, run as tests: a text (the value of the rule's field), or a mapping from field to value. For a rule that
        chooses a label per row, `fires_on` may map each label to its examples, ``{"delivery": ["where is it?"]}``.
    on_error
        "raise" or "abstain" when the rule fails on a row; None leaves it to the applier.
    state
        "active"; or "draft" and "retired", which are kept, checked and shown, but vote in no run; or "slice": it votes
        in none either, and the rows on which it would vote are a slice of the task, with figures of its own.
    valid_from, valid_until
        First and last day (a date, or text such as "2026-03-31") that it is right for; on rows of other days its vote is
        missing. None: no end.
    muted
        It votes, and is shown with what it does, but no label model counts its votes.
    source
        File and line.
    expected
        The label of each example in `fires_on` where they were given by label; else empty. Set by `fires_on`.
    features
        The features (`weaklabel.feature`) among its fields and what these read, each after those it reads. Set by the
        registry.

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
    label: str | Outcome | None = None
    id: str = ""
    description: str = ""
    owner: str = ""
    version: str = ""
    tags: tuple[str, ...] = ()
    fires_on: tuple[Example, ...] = ()
    abstains_on: tuple[Example, ...] = ()
    on_error: OnError | None = None
    state: State = "active"
    valid_from: date | None = None
    valid_until: date | None = None
    muted: bool = False
    source: Source | None = field(default=None, compare=False)
    expected: tuple[str | Outcome, ...] = ()
    features: tuple[Any, ...] = field(default=(), compare=False, repr=False)

    kind: ClassVar[str] = ""
    needs_label: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not self.name.strip():
            raise RuleError(f"a rule's name is text, not {self.name!r}", where=_where(self.source))
        self._set("id", self.id or slug(self.name))
        if isinstance(self.fires_on, Mapping) and self.label is None and not self.needs_label:
            self._take_examples_by_label(self.fires_on)
        for attribute in ("tags", "fires_on", "abstains_on"):
            self._set(attribute, self._tuple(attribute, getattr(self, attribute)))
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
    def reads(self) -> tuple[str, ...]:
        """Columns of the corpus that it is known to read, itself or through features."""
        made = {feature.name for feature in self.features}
        names = [*self.fields, *(name for feature in self.features for name in feature.fields)]
        return tuple(dict.fromkeys(name for name in names if name not in made))

    @property
    def reads_all(self) -> bool:
        """It, or one of its features, is shown all columns of the corpus."""
        return not self.fields or any(not feature.fields for feature in self.features)

    @property
    def labels(self) -> tuple[str, ...]:
        """Labels it is known to vote for."""
        return (self.label,) if isinstance(self.label, str) else ()

    @property
    def outcomes(self) -> tuple[Outcome, ...]:
        """What it may vote for beside labels: sets of labels and negations."""
        return (self.label,) if isinstance(self.label, Outcome) else ()

    @property
    def dated(self) -> bool:
        """It is right for some days only."""
        return self.valid_from is not None or self.valid_until is not None

    @property
    def where(self) -> str:
        """Name, and file, line and, in a rule pack, column, for messages."""
        return f"rule {self.name!r}" + (f" at {self.source.precise}" if self.source else "")

    def parameters(self) -> dict[str, Any]:
        """Return what its kind adds, as plain data."""
        raise NotImplementedError(f"{type(self).__name__}.parameters")

    @functools.cached_property
    def fingerprint(self) -> str:
        """32 hexadecimal digits that change whenever its votes can, by what it is and by the features it reads."""
        features = sorted([feature.name, feature.fingerprint] for feature in self.features)
        return fingerprint(
            {
                **({"features": features} if features else {}),
                **({"days": [str(self.valid_from), str(self.valid_until)]} if self.dated else {}),
                "kind": self.kind,
                "label": self.label.to_dict() if isinstance(self.label, Outcome) else self.label,
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

    def _take_examples_by_label(self, examples: Mapping[Any, Any]) -> None:
        pairs = []
        for label, own in examples.items():
            if not isinstance(label, str | Outcome):
                hint = option("fires_on", {"delivery": ["…"]}, self.source)
                raise RuleError(
                    f"`fires_on`: a label's name is text, not {label!r}", where=self.where, hint=hint
                )
            pairs += [(label, example) for example in self._tuple("fires_on", own, f" of {label!r}")]
        self._set("expected", tuple(label for label, _ in pairs))
        self._set("fires_on", tuple(example for _, example in pairs))

    def _tuple(self, attribute: str, value: Any, of: str = "") -> tuple[Any, ...]:
        if isinstance(value, str | Mapping) or not isinstance(value, Iterable):
            hint = list_hint(attribute, value, self.source)
            if attribute == "fires_on" and isinstance(value, Mapping) and _by_label(value):
                flat = [example for own in value.values() for example in own]
                hint = f"this rule chooses no label, leave it out: {option(attribute, flat, self.source)}"
            if of:
                hint = (
                    f"examples by label: {option(attribute, {'delivery': ['…'], 'returns': ['…']}, self.source)}; "
                    f"an example by field stands in a list: {option(attribute, [{'text': '…'}], self.source)}"
                )
            what = f"`{attribute}`{of} is a list, not {reprlib.repr(value)}"
            raise RuleError(what, where=self.where, hint=hint)
        return tuple(dict(v) if isinstance(v, Mapping) else v for v in value)

    def _check_common(self) -> None:
        if not isinstance(self.id, str) or not _ID.fullmatch(self.id):
            made = "" if self.id else f" (the name {self.name!r} holds none of them)"
            raise RuleError(
                f"{self.id!r} is no id: letters, digits, `_`, `-` and `.` only{made}",
                where=self.where,
                hint=option("id", slug(str(self.id)) or "my_rule", self.source),
            )
        if self.label is not None and not isinstance(self.label, str | Outcome):
            raise RuleError(
                f"a label's name is text, not {self.label!r}", where=self.where, hint=self._label_hint()
            )
        for attribute in ("description", "owner", "version"):
            if not isinstance(getattr(self, attribute), str):
                raise RuleError(f"`{attribute}` is text, not {getattr(self, attribute)!r}", where=self.where)
        for tag in self.tags:
            if not isinstance(tag, str):
                raise RuleError(f"a tag is text, not {tag!r}", where=self.where)
        if self.expected and len(self.expected) != len(self.fires_on):
            raise RuleError("`expected` is set by `fires_on`", where=self.where)
        for attribute, examples in (("fires_on", self.fires_on), ("abstains_on", self.abstains_on)):
            for example in examples:
                if not isinstance(example, str | Mapping):
                    self._refuse_example(attribute, example)
        check_choice("on_error", self.on_error, (None, "raise", "abstain"), where=self.where)
        check_choice("state", self.state, STATES, where=self.where)
        if not isinstance(self.muted, bool):
            raise RuleError(f"`muted` is true or false, not {self.muted!r}", where=self.where)
        for attribute in ("valid_from", "valid_until"):
            self._set(attribute, self._day(attribute))
        if self.valid_from and self.valid_until and self.valid_from > self.valid_until:
            days = f"from {self.valid_from} until {self.valid_until}"
            raise RuleError(f"the rule is valid on no day: {days}", where=self.where)

    def _day(self, attribute: str) -> date | None:
        value = getattr(self, attribute)
        if isinstance(value, str):
            with contextlib.suppress(ValueError):
                value = date.fromisoformat(value.strip())
        if value is None or (isinstance(value, date) and not isinstance(value, datetime)):
            return value
        hint = option(attribute, "2026-03-31", self.source)
        raise RuleError(f"`{attribute}` is a day, not {value!r}", where=self.where, hint=hint)

    def _label_hint(self) -> str:
        several = isinstance(self.label, list | tuple | set | frozenset) and all(
            isinstance(label, str) for label in self.label
        )
        if not several:
            return "name the label, not its code; in YAML quote yes, no, on and off"
        names = sorted(self.label)  # type: ignore[arg-type]
        if in_yaml(self.source):
            return option("label", {"any_of": names}, self.source)
        return f"label=any_of({', '.join(map(repr, names))})"

    def _refuse_example(self, attribute: str, example: object) -> None:
        inner = list(example) if isinstance(example, list | tuple) else [str(example)]
        sound = all(isinstance(one, str | dict) for one in inner)
        raise RuleError(
            f"`{attribute}`: an example is a text or a mapping from field to value, not {example!r}",
            where=self.where,
            hint="quote it: YAML reads yes, no, on and off as true and false"
            if isinstance(example, bool)
            else option(attribute, inner if sound else ["…"], self.source),
        )


def _by_label(examples: Mapping[Any, Any]) -> bool:
    return bool(examples) and all(isinstance(own, list | tuple) for own in examples.values())


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


def check_options(
    maker: Callable[..., object],
    options: Mapping[str, Any],
    source: Source | None,
    *,
    label: str | Outcome | None = "",
) -> None:
    """Raise a RuleError when a maker was given an option that it doesn't know, or no label where it needs one.

    Examples
    --------
    >>> from weaklabel.lf import regex
    >>> check_options(regex, {"lable": "spam"}, Source("rules.py", 3))
    Traceback (most recent call last):
    ...
    weaklabel.errors.RuleError: unknown option 'lable' of regex
      where: rules.py:3
      available: label, field, case, id, description, owner, version, tags, fires_on, abstains_on, on_error, state, valid_from, valid_until, muted
      hint: did you mean 'label'?
    """
    unknown = [name for name in options if name not in META]
    parameters = inspect.signature(maker).parameters.values() if unknown else ()
    known = [*(p.name for p in parameters if p.kind is inspect.Parameter.KEYWORD_ONLY), *META]
    for name in unknown:
        raise RuleError(
            f"unknown option {name!r} of {maker.__name__}",
            where=_where(source),
            available=known,
            hint=did_you_mean(name, known),
        )
    if label is None and options.get("state") != "slice":
        raise RuleError(f"{maker.__name__} needs a label to vote for", where=_where(source), hint='label="…"')


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
