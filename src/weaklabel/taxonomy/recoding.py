"""Votes under a new schema: codes that mean the same, as sets where a label was split."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from weaklabel.errors import VotesError
from weaklabel.label_matrix import LabelMatrix
from weaklabel.lf import LabelingFunction, LFRegistry
from weaklabel.lf.outcomes import alphabet, outcomes_of
from weaklabel.schema import ABSTAIN, MISSING, VOTE_PREFIX, LabelSchema, Outcome
from weaklabel.taxonomy.differences import SchemaDiff


def carry_votes(
    votes: LabelMatrix, diff: SchemaDiff, *, registry: LFRegistry
) -> tuple[LabelMatrix, dict[str, int]]:
    """Return votes under the new schema, and for each rule how many of them mean nothing any more (now missing).

    Parameters
    ----------
    votes
        Votes under the old schema.
    diff
        What changed.
    registry
        The rules under the old schema: they say what the codes mean.

    Raises
    ------
    VotesError
        The votes are of other rules.

    Examples
    --------
    >>> from weaklabel.lf import keywords
    >>> from weaklabel.taxonomy import schema_diff
    >>> old, new = LabelSchema(["ham", "spam"]), LabelSchema(["junk", "ham"])
    >>> registry = LFRegistry([keywords("sells", ["buy"], label="spam"), keywords("asks", ["please"], label="ham")], schema=old)
    >>> votes = LabelMatrix.from_numpy([[1, -1], [-1, 0]], ids=["a", "b"], labelers=["sells", "asks"])
    >>> carried, lost = carry_votes(votes, schema_diff(old, new, {"rename": {"spam": "junk"}}), registry=registry)
    >>> carried.to_numpy().tolist(), lost
    ([[0, -1], [-1, 1]], {})
    """
    unknown = sorted(set(votes.labelers).difference(registry.ids))
    if unknown:
        raise VotesError(f"votes of a rule that is not there: {unknown[0]!r}", available=registry.ids)
    frame = votes.frame
    lost = {}
    columns = []
    for rule in registry:
        if rule.id not in votes.labelers:
            continue
        codes = recoded(rule, diff)
        column = frame[rule.column].to_numpy()
        new = column.copy()
        for old_code, code in codes.items():
            new[column == old_code] = code
        gone = sum(int((column == old_code).sum()) for old_code, code in codes.items() if code == MISSING)
        if gone:
            lost[rule.id] = gone
        columns.append(pl.Series(rule.column, new, dtype=pl.Int8))
    order = [f"{VOTE_PREFIX}{name}" for name in votes.labelers]
    return LabelMatrix.from_frame(frame.with_columns(columns).select("id", *order), faults=votes.faults), lost


def outcome_now(outcome: Outcome, diff: SchemaDiff) -> Outcome | None:
    """Return what a vote says under the new schema; None: it says nothing any more.

    A set or a single label that was split is the set of what it became; a negation of it denies all of these, and a retired
    label needs no denying.

    Examples
    --------
    >>> from weaklabel.taxonomy import schema_diff
    >>> old, new = LabelSchema(["ham", "spam"]), LabelSchema(["ham", "ads", "scam"])
    >>> found = schema_diff(old, new, {"split": {"spam": ["ads", "scam"]}})
    >>> outcome_now(Outcome(("spam",)), found).name, outcome_now(Outcome(("spam",), against=True), found).name
    ('ads or scam', 'neither ads nor scam')
    """
    names: list[str] = []
    for label in outcome.labels:
        old = diff.old.label(diff.old.code(label))
        news = diff.becomes[old]
        if not news and (old in diff.gone or not outcome.against):
            return None
        names += news
    return Outcome(tuple(names), outcome.against) if names else None


def recoded(rule: LabelingFunction, diff: SchemaDiff) -> dict[int, int]:
    """Return the new code of each of a rule's codes, -2 where it says nothing any more, -1 where it would name all classes.

    Examples
    --------
    >>> from weaklabel.lf import keywords
    >>> from weaklabel.taxonomy import schema_diff
    >>> old, new = LabelSchema(["ham", "spam"]), LabelSchema(["spam", "scam", "ham"])
    >>> found = schema_diff(old, new, {"split": {"spam": ["spam", "scam"]}})
    >>> recoded(keywords("sells", ["buy"], label="spam"), found)
    {0: 2, 1: 3}
    """
    schema = diff.old
    if schema.exclusive:
        singles = [Outcome((name,)) for name in schema.names]
        means: list[Outcome] = [*singles, *outcomes_of(rule, schema)]
        stated = [Outcome((schema.label(schema.code(name)),)) for name in rule.labels]
        stated += list(outcomes_of(rule, schema))
    else:
        means = stated = list(alphabet(rule, schema))
    own = [one for old in stated if (one := outcome_now(old, diff)) is not None]
    if diff.new.exclusive:
        codes = {Outcome((name,)): code for code, name in enumerate(diff.new.names)}
        codes |= {one: len(diff.new) + at for at, one in enumerate(dict.fromkeys(_sets(own)))}
    else:
        alone = [one for one in own if len(one.labels) == 1 and not one.against]
        codes = {one: at for at, one in enumerate(dict.fromkeys([*alone, *_sets(own)]))}
    return {code: _new_code(outcome_now(old, diff), codes, diff.new) for code, old in enumerate(means)}


def _sets(outcomes: Sequence[Outcome]) -> list[Outcome]:
    return [one for one in outcomes if one.against or len(one.labels) > 1]


def _new_code(outcome: Outcome | None, codes: dict[Outcome, int], schema: LabelSchema) -> int:
    if outcome is None:
        return MISSING
    if schema.exclusive and not outcome.against and set(outcome.labels) == set(schema.names):
        return ABSTAIN
    return codes.get(outcome, MISSING)
