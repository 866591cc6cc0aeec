"""What has to be looked at again: after a change of the guideline, or because time has passed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

import polars as pl

from weaklabel.errors import GoldError, Problems, WeakLabelError, did_you_mean
from weaklabel.gold.guideline.changes import Change, Changes
from weaklabel.gold.guideline.document import Guideline, Section
from weaklabel.lf import LabelingFunction

RULE_TAG = "guideline:"
"""A rule's tag that begins so names the section of the guideline that it follows: ``guideline:returns``."""

_ANY = "*"
_ROW = "__row__"
_RULES: dict[str, Any] = {
    "rule": pl.String,
    "name": pl.String,
    "owner": pl.String,
    "where": pl.String,
    "sections": pl.List(pl.String),
    "queue": pl.Boolean,
}


@dataclass(frozen=True)
class Affected:
    """What was made under the old text of changed sections; made by `affected`.

    Parameters
    ----------
    answers, gold
        Rows of the frames given, in their order, with `sections` (the changed ones, in the order of the changes) and
        `queue`: true unless all of these changes are editorial.
    rules
        `rule` (id), `name`, `owner`, `where` (file and line), `sections`, `queue`.

    Examples
    --------
    >>> Affected(pl.DataFrame(), pl.DataFrame(), pl.DataFrame()).rules.height
    0
    """

    answers: pl.DataFrame
    gold: pl.DataFrame
    rules: pl.DataFrame


def affected(
    changes: Changes,
    answers: pl.DataFrame | None = None,
    gold: pl.DataFrame | None = None,
    rules: Iterable[LabelingFunction] = (),
    *,
    known: Iterable[Guideline] = (),
) -> Affected:
    """List answers, gold items and rules that were made under the old text of a changed section.

    An answer follows the section of each label that it gives or rules out, and the general sections. "None of these" and
    "unsure" follow every section; a skip follows none. A change of ambiguous cases concerns the labels that the changed
    cases name in code marks. A section that was only moved or renamed, or whose examples alone changed, puts nothing in
    doubt.

    Parameters
    ----------
    changes
        From `diff`.
    answers
        Columns `kind`, `labels` and `guideline`, the version in force (or its number alone). An answer of a version that
        is not known, or is null, is taken to be made under an old text.
    gold
        Columns `label` or `labels` and, if known, `guideline`.
    rules
        A rule follows the sections that its tags name (``guideline:returns``), with the sections in them; without such
        a tag, its labels. A rule that is not known to vote for any label follows all.
    known
        Other versions that answers may name, so that those made after a section got its new text are left alone.

    Raises
    ------
    GoldError
        A frame lacks a column, or a rule's tag names a section that neither version has.
    Problems
        Several such rules.

    Examples
    --------
    >>> from weaklabel.gold.guideline import parse
    >>> from weaklabel.gold.guideline import diff
    >>> from weaklabel.lf import keywords
    >>> from weaklabel.schema import LabelSchema
    >>> text = "Version 1.\\n# ham\\n# spam\\nIt sells.\\n"
    >>> new = text.replace("1", "2").replace("sells", "wants")
    >>> old, new = (parse(t, schema=LabelSchema(["ham", "spam"])) for t in (text, new))
    >>> answers = pl.DataFrame({"item": ["a", "b", "c"], "kind": ["label", "label", "none"],
    ...                         "labels": [["ham"], ["spam"], []], "guideline": [old.version] * 3})
    >>> found = affected(diff(old, new), answers, rules=[keywords("sells", ["buy"], label="spam")])
    >>> found.answers["item"].to_list(), found.rules["rule"].to_list()
    (['b', 'c'], ['sells'])
    """
    others = tuple(known)
    doubtful = [change for change in changes.changes if change.of_meaning]
    columns: dict[str, Any] = {"kind": pl.String, "labels": pl.List(pl.String), "guideline": pl.String}
    asked = pl.DataFrame(schema=columns) if answers is None else answers
    _need(asked, columns, "the answers have")
    kept = pl.DataFrame(schema={"label": pl.String}) if gold is None else gold
    named = next((name for name in ("labels", "label") if name in kept.columns), None)
    if named is None:
        _need(kept, ["label"], "the gold set has")
    of_answers = (
        pl.when(pl.col("kind") == "skip")
        .then(pl.lit([], dtype=pl.List(pl.String)))
        .when(pl.col("kind").is_in(["none", "unsure"]))
        .then(pl.lit([_ANY], dtype=pl.List(pl.String)))
        .otherwise(pl.col("labels"))
    )
    labels = pl.col("labels") if named == "labels" else pl.concat_list(pl.col("label").cast(pl.String))
    bare = (
        pl.col("label").is_null()
        if named == "label"
        else (pl.col("labels").is_null() | (pl.col("labels").list.len() == 0))
    )
    of_gold = pl.when(bare).then(pl.lit([_ANY], dtype=pl.List(pl.String))).otherwise(labels)
    return Affected(
        _hit(asked, of_answers, doubtful, changes, others),
        _hit(kept, of_gold, doubtful, changes, others),
        _rules(rules, doubtful, changes),
    )


def linked(guideline: Guideline, rules: Iterable[LabelingFunction]) -> dict[str, tuple[str, ...]]:
    """Return the anchors of the sections that each rule follows, by rule id.

    These are the sections that its tags name, ``guideline:returns``; without such a tag those that define its labels.

    Raises
    ------
    GoldError
        A tag names no section.
    Problems
        Several do.

    Examples
    --------
    >>> from weaklabel.gold.guideline import parse
    >>> from weaklabel.lf import keywords
    >>> from weaklabel.schema import LabelSchema
    >>> guideline = parse("# ham\\n# spam\\n# Cases\\n", schema=LabelSchema(["ham", "spam"]))
    >>> rules = [keywords("buy", ["buy"], label="spam"), keywords("odd", ["?"], label="ham", tags=["guideline:cases"])]
    >>> linked(guideline, rules)
    {'buy': ('spam',), 'odd': ('cases',)}
    """
    rules = tuple(rules)
    named = _named(rules, [guideline])
    return {
        rule.id: tuple(section.anchor for section in named[rule.id])
        or tuple(guideline.of_label(label).anchor for label in _labels(rule) if label in guideline.schema)
        for rule in rules
    }


def due(gold: pl.DataFrame, *, now: datetime | date, after_days: int, column: str = "at") -> pl.DataFrame:
    """Return the gold rows that it is time to look at again, the longest overdue first.

    Parameters
    ----------
    gold
        With a day or a time (without a zone: UTC) in `column`; a row may name its own day in `review_by`. A row without
        any day is due.
    now
        The day on which is asked, or a time (without a zone: UTC).
    after_days
        How many days after `column` a row is due.
    column
        When the label was decided or last looked at.

    Returns
    -------
    polars.DataFrame
        The rows with `due`, a day; null where none is known.

    Raises
    ------
    GoldError
        There is no such column, it holds no days, or `after_days` is negative.

    Examples
    --------
    >>> gold = pl.DataFrame({"item": ["a", "b", "c"], "at": [date(2026, 1, 1), date(2025, 1, 1), date(2025, 6, 1)]})
    >>> due(gold, now=date(2026, 6, 1), after_days=365).rows()
    [('b', datetime.date(2025, 1, 1), datetime.date(2026, 1, 1)), ('c', datetime.date(2025, 6, 1), datetime.date(2026, 6, 1))]
    """
    if after_days < 0:
        raise GoldError(f"gold is looked at again after {after_days} days", hint="after_days=365")
    _need(gold, [column], "the gold set has")
    days = _day(gold, column) + pl.duration(days=after_days)
    if "review_by" in gold.columns:
        days = pl.coalesce(_day(gold, "review_by"), days)
    if isinstance(now, datetime):
        now = (now.astimezone(UTC) if now.tzinfo else now).date()
    with_day = gold.with_columns(due=days.cast(pl.Date))
    overdue = with_day.filter(pl.col("due").is_null() | (pl.col("due") <= now))
    by = ["due", *(name for name in ("item", "id") if name in gold.columns)]
    return overdue.sort(by, nulls_last=False, maintain_order=True)


def _day(gold: pl.DataFrame, column: str) -> pl.Expr:
    kind = gold.schema[column]
    if isinstance(kind, pl.Datetime):
        return (pl.col(column).dt.convert_time_zone("UTC") if kind.time_zone else pl.col(column)).dt.date()
    if kind in (pl.Date, pl.Null):
        return pl.col(column).cast(pl.Date)
    hint = "read it as a date or a time first"
    raise GoldError(f"column {column!r} of the gold set holds {kind}, no days", hint=hint)


def _need(frame: pl.DataFrame, columns: Iterable[str], who: str) -> None:
    for name in columns:
        if name not in frame.columns:
            hint = did_you_mean(name, frame.columns)
            raise GoldError(f"{who} no column {name!r}", available=frame.columns, hint=hint)


def _hit(
    frame: pl.DataFrame,
    labels: pl.Expr,
    doubtful: Sequence[Change],
    changes: Changes,
    known: Sequence[Guideline],
) -> pl.DataFrame:
    """Return the rows that a change concerns, with `sections` and `queue`."""
    version = pl.col("guideline") if "guideline" in frame.columns else pl.lit(None, pl.String)
    rows = frame.with_row_index(_ROW)
    long = rows.select(_ROW, version.cast(pl.String).alias("version"), labels.alias("label")).explode("label")
    long = long.drop_nulls("label")
    every = long["label"].unique().to_list()
    found = [
        (text, label, order, change.section, change.queue)
        for text in long["version"].unique().to_list()
        for order, change in enumerate(doubtful)
        if _under_old_text(text, change, changes, known)
        for label in (every if change.labels is None else {_ANY, *change.labels})
    ]
    kinds = {
        "version": pl.String,
        "label": pl.String,
        "order": pl.Int64,
        "sections": pl.String,
        "queue": pl.Boolean,
    }
    doubts = pl.DataFrame(found, schema=kinds, orient="row")
    hits = long.join(doubts, on=["version", "label"], how="inner", nulls_equal=True)
    hits = hits.unique([_ROW, "order"]).sort(_ROW, "order")
    hits = hits.group_by(_ROW, maintain_order=True).agg("sections", pl.col("queue").any())
    return rows.join(hits, on=_ROW, how="inner", maintain_order="left").drop(_ROW)


def _under_old_text(
    version: str | None, change: Change, changes: Changes, known: Sequence[Guideline]
) -> bool:
    """Say whether an answer of a version was given before the section got its new text."""
    guideline = _version(version, [changes.new, changes.old, *known])
    if guideline is None or guideline.version == changes.old.version:
        return True
    if guideline.version == changes.new.version:
        return False
    anchors = {section.anchor: section for section in guideline.sections}
    then = anchors.get(change.section) or anchors.get(change.was or "")
    now = {section.anchor: section for section in changes.new.sections}.get(change.section)
    return _identity(then) != _identity(None if change.kind == "removed" else now)


def _identity(section: Section | None) -> tuple[str | None, str] | None:
    return None if section is None else (section.label, section.fingerprint)


def _version(text: str | None, guidelines: Sequence[Guideline]) -> Guideline | None:
    """Return the guideline of that version, or the only one with that number."""
    exact = [guideline for guideline in guidelines if guideline.version == text]
    if exact:
        return exact[0]
    numbered = {guideline.version: guideline for guideline in guidelines if str(guideline.number) == text}
    return next(iter(numbered.values())) if len(numbered) == 1 else None


def _rules(rules: Iterable[LabelingFunction], doubtful: Sequence[Change], changes: Changes) -> pl.DataFrame:
    rules = tuple(rules)
    named = _named(rules, [changes.new, changes.old])
    found = []
    for rule in rules:
        hits = [change for change in doubtful if _concerns(change, rule, named[rule.id], changes)]
        if hits:
            sections = [change.section for change in hits]
            where = str(rule.source) if rule.source else None
            queue = any(change.queue for change in hits)
            found.append((rule.id, rule.name, rule.owner, where, sections, queue))
    return pl.DataFrame(found, schema=_RULES, orient="row")


def _concerns(change: Change, rule: LabelingFunction, named: Sequence[Section], changes: Changes) -> bool:
    if change.labels is None:
        return True
    if not named:
        labels = _labels(rule)
        return not labels or not set(labels).isdisjoint(change.labels)
    return any(
        {change.section, change.was} & {inner.anchor for inner in guideline.beneath(section.anchor)}
        for section in named
        for guideline in (changes.new, changes.old)
        if section in guideline.sections
    )


def _labels(rule: LabelingFunction) -> tuple[str, ...]:
    """Return all labels that a rule is known to say something about."""
    outcomes = (label for outcome in rule.outcomes for label in outcome.labels)
    expected = (label for one in rule.expected for label in ([one] if isinstance(one, str) else one.labels))
    return tuple(dict.fromkeys([*rule.labels, *outcomes, *expected]))


def _named(
    rules: Sequence[LabelingFunction], guidelines: Sequence[Guideline]
) -> Mapping[str, tuple[Section, ...]]:
    """Return the sections that each rule's tags name, from the first version that has them."""
    problems: list[WeakLabelError] = []
    named: dict[str, tuple[Section, ...]] = {}
    for rule in rules:
        sections = []
        for tag in rule.tags:
            if not tag.startswith(RULE_TAG):
                continue
            name = tag.removeprefix(RULE_TAG).strip()
            found = next((s for s in (g.find(name) for g in guidelines) if s is not None), None)
            if found is not None:
                sections.append(found)
                continue
            anchors = [section.anchor for section in guidelines[0].sections]
            what = f"tag {tag!r} names no section of {guidelines[0].name}"
            hint = did_you_mean(name, anchors)
            problems.append(GoldError(what, where=rule.where, available=anchors, hint=hint))
        named[rule.id] = tuple(sections)
    if problems:
        raise problems[0] if len(problems) == 1 else Problems("the rules' links to the guideline", problems)
    return named
