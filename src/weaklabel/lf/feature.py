"""Features: columns that are computed from the corpus' columns once per batch, and shared by the rules that read them."""

from __future__ import annotations

import copy
import functools
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, overload

from weaklabel.errors import RuleError, WeakLabelError, did_you_mean
from weaklabel.fingerprint import fingerprint
from weaklabel.lf.base import LabelingFunction, OnError, Source, caller, check_choice
from weaklabel.lf.functions import Calls, columns_of, named, resources_of, source_of, summary_of

_OPTIONS = ("name", "fields", "resources", "vectorized", "description", "version", "on_error")


@dataclass(frozen=True, kw_only=True, eq=False)
class Feature(Calls):
    """A column computed from a row or a frame; made by `feature`, and callable like the function itself.

    Parameters
    ----------
    name
        Name of the column.
    function
        Gives its value from a row, or its values from a frame.
    fields
        Columns and features that it reads; empty: all columns of the corpus.
    vectorized
        The function gets many rows at once, as a Polars DataFrame.
    resources
        Objects that are passed to the function by keyword.
    description, version
        For people; `version` is part of the fingerprint.
    on_error
        "raise" or "abstain" when it fails on a row; None leaves it to the applier.
    source
        File and line.

    Examples
    --------
    >>> @feature
    ... def n_words(row):
    ...     return len(row["text"].split())
    >>> n_words.name, n_words.fields, n_words({"text": "see you"})
    ('n_words', ('text',), 2)
    """

    name: str
    function: Callable[..., object]
    fields: tuple[str, ...] = ()
    vectorized: bool = False
    resources: tuple[tuple[str, Any], ...] = field(default=())
    description: str = ""
    version: str = ""
    on_error: OnError | None = None
    source: Source | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not self.name.strip():
            raise RuleError(f"a feature's name is text, not {self.name!r}", where=str(self.source or ""))
        for attribute in ("description", "version"):
            if not isinstance(getattr(self, attribute), str):
                what = f"`{attribute}` is text, not {getattr(self, attribute)!r}"
                raise RuleError(what, where=self.where)
        check_choice("vectorized", self.vectorized, (True, False), where=self.where)
        check_choice("on_error", self.on_error, (None, "raise", "abstain"), where=self.where)
        self._check_and_wrap(self.where)

    @property
    def where(self) -> str:
        """Name, and file and line, for messages."""
        return f"feature {self.name!r}" + (f" at {self.source}" if self.source else "")

    @functools.cached_property
    def fingerprint(self) -> str:
        """32 hexadecimal digits that change whenever its values can, by what it is; not by the features it reads."""
        code = self._code_fingerprint(self.where)
        own = [self.version, self.on_error, self.vectorized, list(self.fields), code]
        return fingerprint(["feature", self.name, *own])


@overload
def feature(function: Callable[..., object], /, **options: Any) -> Feature: ...
@overload
def feature(**options: Any) -> Callable[[Callable[..., object]], Feature]: ...
def feature(
    function: Callable[..., object] | None = None,
    /,
    *,
    name: str | None = None,
    fields: Iterable[str] | None = None,
    resources: Mapping[str, Any] | None = None,
    vectorized: bool = False,
    description: str | None = None,
    version: str = "",
    on_error: OnError | None = None,
    **unknown: Any,
) -> Feature | Callable[[Callable[..., object]], Feature]:
    """Make a column of a Python function, for rules of every kind to read; a decorator, with or without arguments.

    The function gets a row, a read-only mapping from column to value, and returns the column's value on it: a text, a
    number, true or false, a date, a list or None. With `vectorized` it gets a Polars DataFrame of many rows and returns
    one value for each, in their order: a Series, an expression, an array or a list. Either must look at each row by
    itself. A feature is computed once for each batch of rows, and only where an active rule, or another feature that is
    computed, reads it. It may read other features; no two may read each other in a circle. In a task's folder features
    are gathered from Python modules, as rules are; to a registry they are given: ``LFRegistry(rules, schema=schema,
    features=[n_words])``.

    Parameters
    ----------
    function
        The function, when used without arguments or as a plain call.
    name
        Name of the column, which no column of the corpus may have. Default: the function's name.
    fields
        Columns and features that it reads. Default: read from the code as for `labeling_function`, else all columns of
        the corpus, without features.
    resources
        Objects that are passed to the function by keyword.
    vectorized
        The function gets many rows at once, as a Polars DataFrame.
    description
        For people. Default: first line of the docstring.
    version
        Part of the fingerprint.
    on_error
        What is done when it fails on a row: "raise" stops; "abstain" makes the vote of every rule that reads it missing
        on that row, and counts the row for that rule. Default: as the applier does.
    **unknown
        Refused.

    Returns
    -------
    Feature
        The column, whose function can still be called.

    Raises
    ------
    RuleError
        It is no function of a row, or has no name of its own and is given none; an option is unknown.

    Examples
    --------
    >>> import polars as pl
    >>> from weaklabel.apply import LFApplier
    >>> from weaklabel.lf import LFRegistry, where
    >>> from weaklabel.schema import LabelSchema
    >>> @feature
    ... def n_words(row):
    ...     return len(row["text"].split())
    >>> rules = [where("short", "n_words < 3", label="ham")]
    >>> registry = LFRegistry(rules, schema=LabelSchema(["ham", "spam"]), features=[n_words])
    >>> frame = pl.DataFrame({"id": ["a", "b"], "text": ["See you!", "Buy now and save"]})
    >>> LFApplier(registry).apply(frame).to_numpy().tolist()
    [[0], [-1]]
    """
    options: dict[str, Any] = {
        "name": name,
        "fields": fields,
        "resources": resources,
        "vectorized": vectorized,
        "description": description,
        "version": version,
        "on_error": on_error,
    }
    if function is None:
        return functools.partial(feature, **options, **unknown)
    source = source_of(function) or caller()
    for option in unknown:
        hint = did_you_mean(option, _OPTIONS)
        raise RuleError(
            f"unknown option {option!r} of feature", where=str(source), available=_OPTIONS, hint=hint
        )
    options["name"] = named("a feature", function, name, source)
    options["description"] = description or summary_of(function)
    options["fields"] = columns_of(function, fields, source, vectorized=vectorized)
    options["resources"] = resources_of(resources)
    return Feature(**options, function=function, source=source)


# ---- features of many rules ----


def needed(fields: Iterable[str], features: Iterable[Feature]) -> tuple[Feature, ...]:
    """Return the features among some fields and all that these read, each after those it reads.

    Of features that read each other in a circle, which is a problem of their registry, each is given once.

    Examples
    --------
    >>> words = feature(lambda row: row["text"].split(), name="words")
    >>> n_words = feature(lambda row: len(row["words"]), name="n_words")
    >>> [one.name for one in needed(["n_words", "text"], [n_words, words])]
    ['words', 'n_words']
    """
    known = {one.name: one for one in features}
    found: dict[str, Feature] = {}
    entered: set[str] = set()
    waiting = [(name, False) for name in reversed(tuple(fields))]
    while waiting:
        name, ready = waiting.pop()
        if name not in known or (not ready and name in entered):
            continue
        if ready:
            found[name] = known[name]
            continue
        entered.add(name)
        waiting += [(name, True), *((own, False) for own in reversed(known[name].fields))]
    return tuple(found.values())


def bound(
    rules: Iterable[LabelingFunction], features: Iterable[Feature]
) -> tuple[list[LabelingFunction], tuple[Feature, ...]]:
    """Return rules that carry the features they read, and all features: the given ones, and those that rules carried.

    A rule that reads none is returned as it is.
    """
    rules = list(rules)
    known: dict[str, Feature] = {}
    for one in (*features, *(one for rule in rules for one in rule.features)):
        known.setdefault(one.name, one)
    return [_carrying(rule, needed(rule.fields, known.values())) for rule in rules], tuple(known.values())


def _carrying(rule: LabelingFunction, features: tuple[Feature, ...]) -> LabelingFunction:
    if [id(one) for one in features] == [id(one) for one in rule.features]:
        return rule
    changed = copy.copy(rule)
    object.__setattr__(changed, "features", features)
    vars(changed).pop("fingerprint", None)
    return changed


def feature_problems(features: Sequence[Any]) -> list[WeakLabelError]:
    """Return what is wrong with the features of one registry: what is none, a name that is taken, circles."""
    problems: list[WeakLabelError] = []
    known: dict[str, Feature] = {}
    for i, one in enumerate(features, 1):
        if not isinstance(one, Feature):
            hint = "decorate it with @feature" if callable(one) else None
            problems.append(RuleError(f"item {i} of `features` is no feature: {one!r}", hint=hint))
        elif known.setdefault(one.name, one) is not one:
            other = known[one.name]
            problems.append(
                RuleError(
                    f"two features have the name {one.name!r}",
                    where=f"{other.source or 'unknown place'} and {one.source or 'unknown place'}",
                    hint="rename one, or leave one out",
                )
            )
    return problems + [_circle_problem(circle) for circle in _circles(known)]


def _circles(known: Mapping[str, Feature]) -> list[list[Feature]]:
    """Return circles in which features read each other, no feature in two of them."""
    circles: list[list[Feature]] = []
    done: set[str] = set()

    def follow(name: str, path: list[str]) -> None:
        if name in path:
            circles.append([known[one] for one in path[path.index(name) :]])
            done.update(path)
        elif name in known and name not in done:
            for own in known[name].fields:
                follow(own, [*path, name])
            done.add(name)

    for name in known:
        follow(name, [])
    return circles


def _circle_problem(circle: Sequence[Feature]) -> RuleError:
    path = " -> ".join(one.name for one in (*circle, circle[0]))
    where = ", ".join(one.where for one in circle)
    if len(circle) == 1:
        hint = "give the feature a name of its own, which no column has"
        return RuleError(f"a feature reads itself: {path}", where=where, hint=hint)
    return RuleError(f"features read each other in a circle: {path}", where=where)
