"""What experts decide on items that people don't agree on: gold, guideline cases, or both; and what is contested."""

from __future__ import annotations

import datetime
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import polars as pl

from weaklabel.errors import GoldError, Problems, WeakLabelError
from weaklabel.gold.agreeing.consensus import DOUBTFUL, Consensus
from weaklabel.gold.asking.assigning import need_columns
from weaklabel.gold.asking.outcomes import queued
from weaklabel.gold.ledger.records import KINDS, ROLES
from weaklabel.schema import LabelSchema

GOLD = KINDS["gold"]
"""Columns of gold records."""

CASES: dict[str, Any] = {
    "item": pl.String,
    "label": pl.String,
    "reason": pl.String,
    "mistaken_for": pl.List(pl.String),
    "section": pl.String,
    "by": pl.String,
}
"""Cases for the guideline: what `weaklabel.gold.guideline.add_case` takes beside the item's text. `label` is null where
it is none of the labels; `mistaken_for` are the other labels that people gave."""

CONTESTED: dict[str, Any] = {
    "label": pl.String,
    "other": pl.String,
    "n": pl.Int64,
    "doubtful": pl.Int64,
    "items": pl.List(pl.String),
}
"""Pairs of outcomes that people gave to the same items (null: none of the labels), on how many items, how many of them
are not settled, and which items they are."""


@dataclass(frozen=True)
class Adjudicated:
    """What experts' decisions become; made by `adjudicate`. Nothing is done until its frames are recorded.

    Parameters
    ----------
    gold
        Gold records of origin adjudicated. They were chosen because people disagreed, so their probability of
        inclusion is unknown: they say nothing about how frequent a class is, and can't be part of an audit. `counter`
        is the label that most others gave, the first of the schema where several are; null where nobody gave one.
    cases
        Columns of `CASES`, for the guideline.
    closed
        Records that take the items from the experts' queue.

    Examples
    --------
    >>> Adjudicated(*[pl.DataFrame()] * 3).gold.height
    0
    """

    gold: pl.DataFrame
    cases: pl.DataFrame
    closed: pl.DataFrame


def adjudicate(
    decisions: pl.DataFrame,
    *,
    schema: LabelSchema,
    settled: Consensus | None = None,
    role: str = "calibrate",
    guideline: str | None = None,
    due: datetime.datetime | None = None,
    batch: str | None = None,
) -> Adjudicated:
    """Return what experts' decisions become: gold, cases for the guideline, or both.

    Parameters
    ----------
    decisions
        `item`, `labels` (a list, empty for none of these), `expert`, `reason`; if there, `gold` (becomes gold; true
        when not given), `case` (becomes a case; false when not given) and `section` (of the guideline).
    schema
        The labels.
    settled
        The consensus that the items came from: it says what they were mistaken for.
    role
        Role of the gold, any but audit.
    guideline
        Version of the guideline in force.
    due
        When the gold is looked at again.
    batch
        The batch in whose queue the items stand.

    Raises
    ------
    Problems
        With every row that has a fault: an unknown label, several labels of an exclusive schema, no expert, no reason
        for a case, an item decided twice in different ways.
    GoldError
        A column is missing, or the role is audit or none.

    Examples
    --------
    >>> decided = pl.DataFrame({"item": ["a"], "labels": [["ham"]], "expert": ["eve"], "reason": ["nothing is sold"],
    ...                         "case": [True]})
    >>> found = adjudicate(decided, schema=LabelSchema(["ham", "spam"]), batch="b1")
    >>> found.gold.select("item", "labels", "role", "origin", "inclusion", "experts").rows()
    [('a', ['ham'], 'calibrate', 'adjudicated', None, ['eve'])]
    >>> found.cases.select("item", "label", "reason", "by").rows(), found.closed.rows()
    ([('a', 'ham', 'nothing is sold', 'eve')], [('a', 'b1', 'settled by an expert', 'closed')])
    """
    if role not in ROLES or role == "audit":
        why = "gold that was chosen by disagreement can't be part of an audit" if role == "audit" else None
        allowed = [name for name in ROLES if name != "audit"]
        raise GoldError(why or f"unknown role {role!r}", available=allowed)
    rows = _checked(decisions, schema)
    merged = rows.group_by("item", maintain_order=True).agg(
        pl.col("labels").first(),
        pl.col("expert").unique().sort().alias("experts"),
        pl.col("reason").drop_nulls().first(),
        pl.col("gold").any(),
        pl.col("case").any(),
        pl.col("section").drop_nulls().first(),
    )
    given = {} if settled is None else _given(settled)
    counters = [
        _runner_up(given.get(item, {}), labels, schema)
        for item, labels in merged.select("item", "labels").rows()
    ]
    merged = merged.with_columns(pl.Series("counter", counters, dtype=pl.List(pl.String)))
    gold = merged.filter("gold").select(
        "item",
        "labels",
        pl.lit(role).alias("role"),
        pl.lit("adjudicated").alias("origin"),
        "experts",
        "reason",
        pl.lit(guideline, dtype=pl.String).alias("guideline"),
        pl.lit(due, dtype=GOLD["due"]).alias("due"),
        "counter",
    )
    cases = [
        (
            row["item"],
            label,
            row["reason"],
            sorted(set(given.get(row["item"], {})) - set(row["labels"])),
            row["section"],
            ", ".join(row["experts"]),
        )
        for row in merged.filter("case").iter_rows(named=True)
        for label in row["labels"] or [None]
    ]
    return Adjudicated(
        gold.select(
            (pl.col(name) if name in gold.columns else pl.lit(None)).cast(kind).alias(name)
            for name, kind in GOLD.items()
        ),
        pl.DataFrame(cases, schema=CASES, orient="row"),
        queued(merged["item"].to_list(), batch=batch, why="settled by an expert", state="closed"),
    )


def contested(found: Consensus) -> pl.DataFrame:
    """Return which labels are given to the same items, the most frequent pairs first.

    The items of a pair that are settled can be asked of other people, once the guideline says what was missing.

    Parameters
    ----------
    found
        A consensus.

    Returns
    -------
    polars.DataFrame
        Columns of `CONTESTED`.

    Examples
    --------
    >>> from weaklabel.gold.agreeing.consensus import consensus
    >>> said = pl.DataFrame({"item": ["a", "a", "b"], "annotator": ["ann", "bob", "ann"], "kind": "label",
    ...                      "labels": [["spam"], ["ham"], ["ham"]]})
    >>> contested(consensus(said, schema=LabelSchema(["ham", "spam"]), method="majority_vote")).rows()
    [('ham', 'spam', 1, 1, ['a'])]
    """
    place = {name: i for i, name in enumerate(found.outcomes)}
    pairs: dict[tuple[str | None, str | None], list[tuple[str, bool]]] = {}
    status = dict(found.frame.select("item", "status").iter_rows())
    for item, names in _outcomes(found).items():
        for one, other in combinations(sorted(names, key=lambda name: place[name]), 2):
            pairs.setdefault((one, other), []).append((item, status[item] in DOUBTFUL))
    rows: list[Any] = [
        (one, other, len(items), sum(open_ for _, open_ in items), [item for item, _ in items])
        for (one, other), items in pairs.items()
    ]
    rows.sort(key=lambda row: (-row[2], place[row[0]], place[row[1]]))
    return pl.DataFrame(rows, schema=CONTESTED, orient="row")


def _outcomes(found: Consensus) -> dict[str, set[str | None]]:
    """Return what was named for each item by answers that count; null: none of the labels."""
    named: dict[str, set[str | None]] = {}
    for item, answers in found.frame.select("item", "answers").iter_rows():
        labels = {name for name in found.outcomes if name is not None}
        named[item] = {
            next((name for name in answer["labels"] if answer["kind"] == "label" and name in labels), None)
            for answer in answers
            if answer["counts"]
        }
    return named


def _given(found: Consensus) -> dict[str, Counter[str]]:
    """Return how often people gave each label to each item, in any answer that names what it is."""
    return {
        item: Counter(name for answer in answers if answer["kind"] == "label" for name in answer["labels"])
        for item, answers in found.frame.select("item", "answers").iter_rows()
    }


def _runner_up(given: Mapping[str, int], labels: Sequence[str], schema: LabelSchema) -> list[str] | None:
    """Return the label that most people gave beside those decided."""
    others = [name for name in schema.names if given.get(name) and name not in labels]
    return [max(others, key=lambda name: given[name])] if others else None


def _checked(decisions: pl.DataFrame, schema: LabelSchema) -> pl.DataFrame:
    """Return decisions with all columns, names for aliases, sorted by item and expert."""
    place = "the decisions"
    need_columns(decisions, ("item", "labels", "expert", "reason"), place)
    asked = {"gold": pl.lit(True), "case": pl.lit(False), "section": pl.lit(None, dtype=pl.String)}
    rows = decisions.with_columns(
        (pl.col(name).fill_null(value) if name in decisions.columns else value).alias(name)
        for name, value in asked.items()
    )
    problems: list[WeakLabelError] = []
    decided: dict[str, tuple[str, ...]] = {}
    labels = []
    for number, row in enumerate(rows.iter_rows(named=True), start=1):
        names: tuple[str, ...] = ()
        try:
            names = _named(row, schema)
        except WeakLabelError as error:
            error.where = f"{place}, row {number} (item {row['item']!r})"
            problems.append(error)
        else:
            before = decided.setdefault(row["item"], names)
            if before != names:
                where = f"{place}, row {number} (item {row['item']!r})"
                what = f"it is decided twice: {_shown(before)} and {_shown(names)}"
                problems.append(GoldError(what, where=where, hint="let the experts agree first"))
        labels.append(list(names))
    if problems:
        raise Problems(place, problems)
    kept = pl.Series("labels", labels, dtype=pl.List(pl.String))
    return rows.with_columns(kept).sort("item", "expert")


def _named(row: dict[str, Any], schema: LabelSchema) -> tuple[str, ...]:
    """Return the names of a decision's labels, or say what is wrong with it."""
    for fault in _faults(row):
        raise fault
    names = {schema.label(schema.code(name)) for name in row["labels"] or []}
    if schema.exclusive and len(names) > 1:
        raise GoldError(
            f"{len(names)} labels: {_shown(tuple(sorted(names)))}", hint="the schema is exclusive"
        )
    return tuple(name for name in schema.names if name in names)


def _faults(row: dict[str, Any]) -> Iterator[GoldError]:
    if not row["item"]:
        yield GoldError("no item")
    if row["labels"] is None:
        yield GoldError("no labels", hint="an empty list where it is none of the labels")
    if not row["expert"]:
        yield GoldError("no expert", hint="every decision names who made it")
    if row["case"] and not (row["reason"] or "").strip():
        yield GoldError("a case without a reason", hint="the guideline says why")


def _shown(names: tuple[str, ...]) -> str:
    return ", ".join(map(repr, names)) or "none of the labels"
