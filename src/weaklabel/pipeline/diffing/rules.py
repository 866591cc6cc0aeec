"""Which rules make rows flip: the search over pairs of patterns, and its result by rule."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
import polars as pl

from weaklabel.errors import WeakLabelError
from weaklabel.pipeline.diffing.causes import causes
from weaklabel.pipeline.diffing.mixed import Mixed, can_mix
from weaklabel.pipeline.diffing.outcomes import BOTH, ELSE, NO_LABEL, RULES, SETTINGS, Cause, Flips
from weaklabel.pipeline.diffing.side import Side

MOST_PAIRS, MOST_CELLS = 20_000, 2_000_000
"""So many pairs of vote patterns, those of most rows, are searched; times the number of rules, so many cells."""
UNSEARCHED = "not searched"


def changed_rules(before: Side, after: Side) -> dict[str, list[str]]:
    """Return which rules are new, gone and edited; a rule whose fingerprint is not known on both sides is not edited.

    Examples
    --------
    >>> one, two = (Side("v", "mail", pl.LazyFrame(), (), None, marks=m) for m in ({"a": "1", "b": "1"}, {"b": "2", "c": "1"}))
    >>> changed_rules(one, two)
    {'new': ['c'], 'gone': ['a'], 'edited': ['b']}
    """
    try:
        told = bool(before.marks and after.marks)
        one, two = (side.marks if told else side.rules for side in (before, after))
    except WeakLabelError:
        return {"new": [], "gone": [], "edited": []}
    return {
        "new": [rule for rule in two if rule not in one],
        "gone": [rule for rule in one if rule not in two],
        "edited": [r for r in two if r in one and one[r] and two[r] and one[r] != two[r]],
    }


def explained(groups: pl.DataFrame, before: Side, after: Side, notes: list[str]) -> list[Cause | None]:
    """Return the cause of each group; None: it was not searched."""
    nothing: list[Cause | None] = [None] * groups.height
    if not groups.height:
        return nothing
    why = _why_not(before, after)
    if why:
        notes.append(f"which rules make rows flip was not searched: {why}")
        return nothing
    some = groups.head(max(1, min(MOST_PAIRS, MOST_CELLS // len(after.model.labelers_))))
    if some.height < groups.height:
        left = int(groups["rows"].sum()) - int(some["rows"].sum())
        notes.append(
            f"of {groups.height:,} pairs of vote patterns the {some.height:,} of most rows were searched; {left:,} rows are left out"
        )
    try:
        flips = Flips(
            before.votes(some["pattern_before"].to_numpy()),
            after.votes(some["pattern_after"].to_numpy()),
            _codes(some, "before", before.names),
            _codes(some, "after", before.names),
        )
    except WeakLabelError as error:
        notes.append(f"which rules make rows flip was not searched: {error.what}")
        return nothing
    edited = {rule for names in changed_rules(before, after).values() for rule in names}
    mixed, thresholds = Mixed(before.model, after.model), (before.threshold, after.threshold)
    found = causes(mixed, flips, thresholds, edited=edited)
    return [*found, *nothing[some.height :]]


def _why_not(before: Side, after: Side) -> str:
    """Return why rules can't be made responsible; empty: they can."""
    for side in (before, after):
        if not side.has_model:
            return f"the label model of {side.told} is not there"
    if before.names != after.names:
        return "the labels of the two sides differ"
    if not can_mix(before.model, after.model):
        return f"the label models are of two kinds, {before.model.name} and {after.model.name}"
    return ""


def _codes(groups: pl.DataFrame, when: str, names: Sequence[str]) -> Any:
    codes = {name: y for y, name in enumerate(names)}
    others = {status: len(names) + i for i, status in enumerate(NO_LABEL)}
    pairs = groups.select(f"label_{when}", f"status_{when}").iter_rows()
    return np.array(
        [codes.get(label, -1) if label is not None else others.get(s, -1) for label, s in pairs], np.int64
    )


def by_rule(groups: pl.DataFrame, found: Sequence[Cause | None], before: Side, after: Side) -> dict[str, Any]:
    """Return rows by rule, by set of rules, by kind of cause and by setting."""
    rows, alone, by_vote = Counter[str](), Counter[str](), Counter[str]()
    sets, set_votes, kinds, parts = Counter[tuple[str, ...]](), Counter[tuple[str, ...]](), Counter[str](), Counter[str]()  # fmt: skip
    for count, cause in zip(groups["rows"].to_list(), found, strict=True):
        kinds[UNSEARCHED if cause is None else cause.kind] += count
        if cause is None:
            continue
        parts.update(dict.fromkeys(cause.parts, count))
        for rule, voted in zip(cause.rules, cause.voted, strict=True):
            rows[rule] += count
            alone[rule] += count * (len(cause.rules) == 1)
            by_vote[rule] += count * voted
        if cause.rules:
            names = tuple(sorted(cause.rules))
            sets[names] += count
            set_votes[names] += count * any(cause.voted)
    change = {rule: kind for kind, names in changed_rules(before, after).items() for rule in names}
    lines = [
        {"rule": r, "rows": n, "alone": alone[r], "by_vote": by_vote[r], "change": change.get(r, "")}
        for r, n in sorted(rows.items(), key=lambda one: (-one[1], one[0]))
    ]
    sets_of = [
        {"rules": list(names), "rows": n, "by_vote": set_votes[names]}
        for names, n in sorted(sets.items(), key=lambda one: (-one[1], one[0]))
    ]
    order = (RULES, SETTINGS, BOTH, ELSE, UNSEARCHED)
    kinds_of = {
        "rule": pl.String,
        "rows": pl.Int64,
        "alone": pl.Int64,
        "by_vote": pl.Int64,
        "change": pl.String,
    }
    return {
        "rules": pl.DataFrame(lines, schema=kinds_of),
        "sets": pl.DataFrame(
            sets_of, schema={"rules": pl.List(pl.String), "rows": pl.Int64, "by_vote": pl.Int64}
        ),
        "causes": {kind: kinds[kind] for kind in order if kinds[kind]},
        "parts": dict(sorted(parts.items())),
    }


def cause_told(cause: Cause | None) -> str:
    """Return a cause in words.

    Examples
    --------
    >>> cause_told(Cause(RULES, ("link", "free"), (True, False)))
    'link (vote), free (weight)'
    >>> cause_told(Cause(SETTINGS, parts=("threshold",)))
    'threshold'
    """
    if cause is None:
        return UNSEARCHED
    if cause.kind == RULES:
        pairs = zip(cause.rules, cause.voted, strict=True)
        return ", ".join(f"{rule} ({'vote' if voted else 'weight'})" for rule, voted in pairs)
    if cause.kind == SETTINGS:
        return " and ".join(cause.parts)
    return f"{cause.kind}: {' and '.join(cause.parts)}" if cause.parts else cause.kind
