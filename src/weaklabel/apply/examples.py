"""Running the rules' own examples."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import polars as pl

from weaklabel.apply.applier import compile_lanes
from weaklabel.apply.batch import Batch, Faults, Lane
from weaklabel.apply.features import FeatureVotes
from weaklabel.apply.frame_lane import never_boolean
from weaklabel.errors import RuleError, WeakLabelError, did_you_mean
from weaklabel.lf.base import Example, LabelingFunction
from weaklabel.lf.feature import needed
from weaklabel.lf.outcomes import meaning, vote_code
from weaklabel.lf.registry import LFRegistry
from weaklabel.lf.where import Where
from weaklabel.schema import LabelSchema


def check_examples(registry: LFRegistry, *, columns: Iterable[str] | None = None) -> list[WeakLabelError]:
    """Run every rule on its `fires_on` and `abstains_on` examples and return every failure.

    A where rule without examples is checked for giving true or false as far as that can be told without rows. Features
    that a rule reads are computed from the example, unless it gives them. A vectorised rule, or one with a vectorised
    feature, must give its examples the same votes together as one by one.

    Parameters
    ----------
    registry
        The rules.
    columns
        The corpus' columns, where they are known: a rule that reads another is a failure too.

    Returns
    -------
    list of WeakLabelError
        One per failing example or broken rule, with the rule's file and line; empty when all is well.

    Examples
    --------
    >>> from weaklabel.lf import keywords
    >>> rule = keywords("asks", ["please"], label="ham", fires_on=["Please!"], abstains_on=["yes please"])
    >>> [failure] = check_examples(LFRegistry([rule], schema=LabelSchema(["ham", "spam"])))
    >>> failure.what
    "rule 'asks' votes 'ham' on an example that it should abstain on: 'yes please'"
    """
    failures: list[WeakLabelError] = []
    known = None if columns is None else tuple(columns)
    for rule in registry:
        failures += [] if known is None else _lacking(rule, known)
        if rule.fires_on or rule.abstains_on:
            failures += _check(dataclasses.replace(rule, on_error=None), registry.schema)
        elif isinstance(rule, Where):
            problem = never_boolean(rule)
            failures += [] if problem is None else [problem]
    return failures


def _lacking(rule: LabelingFunction, columns: Sequence[str]) -> list[WeakLabelError]:
    return [
        RuleError(
            f"rule {rule.name!r} reads column {name!r}, which the corpus has not",
            where=rule.where,
            available=columns,
            hint=did_you_mean(name, columns),
        )
        for name in rule.reads
        if name not in columns
    ]


def _check(rule: LabelingFunction, schema: LabelSchema) -> list[WeakLabelError]:
    examples = [*rule.fires_on, *rule.abstains_on]
    try:
        lanes = compile_lanes([rule], schema)
    except WeakLabelError as error:
        return [error]
    failures: list[WeakLabelError] = []
    alone: list[tuple[pl.DataFrame, int]] = []
    for i, frame in enumerate(_frames(rule, examples)):
        try:
            vote = int(_votes(lanes, rule, frame)[0])
            alone += [(frame, vote)] if isinstance(frame, pl.DataFrame) else []
        except WeakLabelError as error:
            failures.append(error)
            continue
        expected = vote_code(rule, rule.expected[i], schema) if i < len(rule.expected) else None
        if (vote >= 0) != (i < len(rule.fires_on)) or expected not in (None, vote):
            failures.append(_failure(rule, examples[i], vote, expected, schema))
    return failures or _together(rule, lanes, alone)


def _together(
    rule: LabelingFunction, lanes: tuple[Lane, ...], alone: Sequence[tuple[pl.DataFrame, int]]
) -> list[WeakLabelError]:
    """Return the failure of a rule that votes otherwise on its examples together than on each alone."""
    whole = getattr(rule, "vectorized", False) or any(feature.vectorized for feature in rule.features)
    if not whole or len(alone) < 2 or len({tuple(frame.schema.items()) for frame, _ in alone}) > 1:
        return []
    try:
        votes = _votes(lanes, rule, pl.concat([frame for frame, _ in alone])).tolist()
    except WeakLabelError as error:
        return [error]
    if votes == [vote for _, vote in alone]:
        return []
    what = f"rule {rule.name!r} votes otherwise on its examples together than on each alone"
    hint = "a vectorised function looks at each row by itself: no mean, rank or count over its frame"
    return [RuleError(what, where=rule.where, hint=hint)]


def _frames(rule: LabelingFunction, examples: Sequence[Example]) -> Iterator[pl.DataFrame | RuleError]:
    """Yield each example as a frame of one row; a null takes its type from the other examples."""
    made: list[pl.DataFrame | RuleError] = []
    for example in examples:
        try:
            made.append(pl.DataFrame([_row(rule, example)]))
        except (pl.exceptions.PolarsError, TypeError, ValueError, OverflowError) as error:
            made.append(RuleError(f"an example of rule {rule.name!r} is no row: {error}", where=rule.where))
    types: dict[str, Any] = {}
    for frame in made:
        for name, dtype in frame.schema.items() if isinstance(frame, pl.DataFrame) else ():
            if dtype != pl.Null:
                types.setdefault(name, dtype)
    for frame in made:
        yield _typed(frame, types) if isinstance(frame, pl.DataFrame) else frame


def _typed(frame: pl.DataFrame, types: Mapping[str, Any]) -> pl.DataFrame:
    unknown = [name for name, dtype in frame.schema.items() if dtype == pl.Null]
    return frame.with_columns(pl.col(name).cast(types.get(name, pl.Null)) for name in unknown)


def _votes(lanes: tuple[Lane, ...], rule: LabelingFunction, frame: pl.DataFrame | RuleError) -> np.ndarray:
    if isinstance(frame, RuleError):
        raise frame
    features = needed(rule.fields, [one for one in rule.features if one.name not in frame.columns])
    rule = dataclasses.replace(rule, features=features)
    missing = [name for name in rule.reads if name not in frame.columns]
    if missing:
        raise RuleError(
            f"an example of rule {rule.name!r} lacks the fields it reads: {', '.join(missing)}",
            where=rule.where,
            available=frame.columns,
            hint="give the example as a mapping from field to value",
        )
    ids = pl.Series(["example"] * frame.height)
    return FeatureVotes((rule,), lambda rules: lanes).run(Batch(frame, ids, Faults("raise")))[rule.id]


def _row(rule: LabelingFunction, example: Example) -> dict[str, Any]:
    if not isinstance(example, str):
        return dict(example)
    return {text_field(rule): example}


def text_field(rule: LabelingFunction) -> str:
    """Return the column that a plain text example stands for: the only one of the corpus that it reads, else "text".

    Examples
    --------
    >>> from weaklabel.lf import regex
    >>> text_field(regex("link", "https?://", label="spam", field="body"))
    'body'
    """
    return rule.reads[0] if len(rule.reads) == 1 else "text"


def _failure(
    rule: LabelingFunction, example: Example, vote: int, expected: int | None, schema: LabelSchema
) -> RuleError:
    shown = repr(example if isinstance(example, str) else dict(example))
    votes = "abstains" if vote < 0 else f"votes {meaning(rule, vote, schema)!r}"
    if expected is not None:
        what = f"{votes}, expected {meaning(rule, expected, schema)!r}, on the example"
    elif vote < 0:
        what = f"{votes} on an example that it should fire on:"
    else:
        what = f"{votes} on an example that it should abstain on:"
    return RuleError(f"rule {rule.name!r} {what} {shown}", where=rule.where)
