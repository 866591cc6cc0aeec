"""What leaves for a tool: chosen items and fields, checked, and cut into one list per annotator."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from weaklabel.errors import GoldError, Problems, did_you_mean, some
from weaklabel.gold.tools.names import ANNOTATOR, BATCH, EXTRAS, GUIDELINE, ID, OURS, SUGGESTION
from weaklabel.gold.tools.writing import file_names, plain
from weaklabel.schema import LabelSchema


@dataclass(frozen=True)
class Row:
    """One item on its way out.

    Parameters
    ----------
    id, text
        Of the item.
    fields
        What else may leave, by the column's name, as JSON knows it.
    ours
        Our own data under the names of `OURS`; only what is known.
    suggestion
        Labels that are shown with it; None: it is shown without.

    Examples
    --------
    >>> Row("a", "hello", {}, {"weaklabel_id": "a"}).suggestion is None
    True
    """

    id: str
    text: str
    fields: Mapping[str, Any]
    ours: Mapping[str, str]
    suggestion: tuple[str, ...] | None = None


@dataclass(frozen=True)
class Outgoing:
    """Items on their way out: `files` by a name for the file ("items", or an annotator's), with the annotator.

    Examples
    --------
    >>> Outgoing({"items": (None, [])}, ()).files["items"][0] is None
    True
    """

    files: Mapping[str, tuple[str | None, list[Row]]]
    notes: tuple[str, ...]


def outgoing(
    items: pl.DataFrame,
    *,
    schema: LabelSchema,
    id: str = "id",
    text: str = "text",
    fields: Sequence[str] = (),
    batch: str | None = None,
    guideline: str | None = None,
    suggestions: pl.DataFrame | None = None,
    assignment: pl.DataFrame | None = None,
    extras: Iterable[str] = (),
) -> Outgoing:
    """Return what leaves, checked: nothing but the id, the text and the fields that are named.

    Parameters
    ----------
    items
        One row an item.
    schema
        The labels.
    id, text
        Columns of `items`.
    fields
        Further columns that may leave; all others stay.
    batch, guideline
        The batch's id and the guideline's version; they come back with the answers.
    suggestions
        `item`, `suggestion` (a label or a list of labels) and, if wanted, `annotator` (null: everybody): what is shown
        as a first guess. Items that are not in it are shown blind.
    assignment
        `annotator` and `item`: who gets what, each in the order of its rows. None: one file of all items.
    extras
        Of "none" and "unsure": choices that are offered beside the labels.

    Raises
    ------
    Problems
        With everything that is wrong: columns, ids or texts that are missing, ids that stand twice, unknown items or
        labels, a choice that is a label of the schema too.

    Examples
    --------
    >>> items = pl.DataFrame({"id": ["a", "b"], "text": ["one", "two"], "secret": ["x", "y"]})
    >>> out = outgoing(items, schema=LabelSchema(["ham", "spam"]), batch="b1")
    >>> [(row.id, row.text, dict(row.fields)) for row in out.files["items"][1]]
    [('a', 'one', {}), ('b', 'two', {})]
    """
    place = "the items for the tool"
    problems = [*_columns(items, id, text, fields), *_extras(schema, extras)]
    if problems:
        raise Problems(place, problems)
    rows = items.select(pl.col(id).cast(pl.String).alias(ID), pl.col(text).cast(pl.String).alias("text"))
    problems = [*_rows(rows), *_assigned(assignment, rows[ID])]
    shown, wrong = _suggested(suggestions, rows[ID], schema)
    if problems or wrong:
        raise Problems(place, [*problems, *wrong])
    common = {name: value for name, value in ((BATCH, batch), (GUIDELINE, guideline)) if value is not None}
    about = [
        {name: plain(line[name]) for name in fields} for line in items.select(fields).iter_rows(named=True)
    ]
    kept = {item: (said, about[i] if fields else {}) for i, (item, said) in enumerate(rows.iter_rows())}

    def row(item: str, annotator: str | None) -> Row:
        suggestion = shown.get((item, annotator), shown.get((item, None)))
        ours = {ID: item, **common}
        if annotator is not None:
            ours[ANNOTATOR] = annotator
        if suggestion is not None:
            ours[SUGGESTION] = json.dumps(suggestion, ensure_ascii=False)
        return Row(item, kept[item][0], kept[item][1], ours, suggestion)

    if assignment is None:
        return Outgoing({"items": (None, [row(item, None) for item in kept])}, _notes(rows))
    given: dict[str, list[str]] = {}
    for annotator, item in assignment.select(pl.col("annotator", "item").cast(pl.String)).iter_rows():
        given.setdefault(annotator, []).append(item)
    left = len(kept) - assignment["item"].n_unique()
    notes = (f"items assigned to nobody, left out: {left}",) if left else ()
    stems = dict(zip(given, file_names(given), strict=True))
    files = {
        stems[annotator]: (annotator, [row(item, annotator) for item in ids])
        for annotator, ids in given.items()
    }
    return Outgoing(files, (*_notes(rows), *notes))


def choices(schema: LabelSchema, extras: Iterable[str]) -> list[tuple[str, str]]:
    """Return what an annotator may choose: names and their explanations.

    Examples
    --------
    >>> choices(LabelSchema(["ham", "spam"]), ["unsure"])
    [('ham', ''), ('spam', ''), ('unsure', '')]
    """
    return [*((label.name, label.description) for label in schema.labels), *((EXTRAS[e], "") for e in extras)]


def _columns(items: pl.DataFrame, id: str, text: str, fields: Sequence[str]) -> list[GoldError]:
    problems = []
    for role, name in (("id", id), ("text", text), *(("fields", field) for field in fields)):
        if name not in items.columns:
            hint = did_you_mean(name, items.columns)
            what = f"no column {name!r}, which {role}= names"
            problems.append(GoldError(what, available=items.columns, hint=hint))
        elif role == "text" and items[name].dtype not in (pl.String, pl.Null):
            problems.append(GoldError(f"column {name!r} holds {items[name].dtype}, not text"))
        elif role == "fields" and name in OURS:
            what = f"field {name!r} has a name that our own data travels under"
            problems.append(GoldError(what, hint="rename the column"))
    twice = [name for name, n in Counter(fields).items() if n > 1]
    if twice or text in fields:
        what = (
            f"fields= names {some(twice)} twice" if twice else f"fields= names {text!r}, which leaves anyway"
        )
        problems.append(GoldError(what, hint="fields= names what leaves beside id and text"))
    return problems


def _extras(schema: LabelSchema, extras: Iterable[str]) -> list[GoldError]:
    problems = []
    for extra in extras:
        if extra not in EXTRAS:
            hint = did_you_mean(extra, EXTRAS)
            problems.append(GoldError(f"no extra choice {extra!r}", available=EXTRAS, hint=hint))
        elif EXTRAS[extra] in schema:
            what = f"the choice {EXTRAS[extra]!r} is a label of the schema too"
            problems.append(GoldError(what, hint=f"leave {extra!r} out of extras="))
    return problems


def _rows(rows: pl.DataFrame) -> list[GoldError]:
    problems = []
    null = rows.filter(pl.col(ID).is_null() | (pl.col(ID) == "")).height
    if null:
        problems.append(GoldError(f"items without an id: {null}"))
    ids = rows.filter(pl.col(ID).is_not_null())
    doubled = ids.filter(pl.col(ID).is_duplicated())[ID].unique(maintain_order=True)
    if doubled.len():
        problems.append(GoldError(f"ids that stand twice: {some(doubled)}"))
    blank = ids.filter(pl.col("text").is_null() | (pl.col("text") == ""))[ID]
    if blank.len():
        what = f"items without a text: {some(blank)}"
        problems.append(GoldError(what, hint="there is nothing to show"))
    return problems


def _assigned(assignment: pl.DataFrame | None, ids: pl.Series) -> list[GoldError]:
    if assignment is None:
        return []
    missing = [name for name in ("annotator", "item") if name not in assignment.columns]
    if missing:
        what = f"assignment= has no column {missing[0]!r}"
        return [GoldError(what, available=assignment.columns, hint="one row per annotator and item")]
    pairs = assignment.select(pl.col("annotator", "item").cast(pl.String))
    problems = []
    if pairs.null_count().sum_horizontal().sum():
        problems.append(GoldError("assignment= has a row without annotator or item"))
    unknown = pairs["item"].drop_nulls().unique(maintain_order=True)
    unknown = unknown.filter(~unknown.is_in(ids.implode()))
    if unknown.len():
        hint = did_you_mean(unknown[0], ids.drop_nulls().head(1000))
        problems.append(GoldError(f"assignment= names unknown items: {some(unknown)}", hint=hint))
    doubled = pairs.filter(pairs.is_duplicated()).unique(maintain_order=True)
    if doubled.height:
        annotator, item = doubled.row(0)
        problems.append(GoldError(f"assignment= gives item {item!r} to {annotator!r} twice"))
    return problems


def _suggested(
    suggestions: pl.DataFrame | None, ids: pl.Series, schema: LabelSchema
) -> tuple[dict[tuple[str, str | None], tuple[str, ...]], list[GoldError]]:
    """Return labels by (item, annotator or None), and what is wrong with them."""
    if suggestions is None:
        return {}, []
    missing = [name for name in ("item", "suggestion") if name not in suggestions.columns]
    if missing:
        what = f"suggestions= has no column {missing[0]!r}"
        return {}, [GoldError(what, available=suggestions.columns, hint="one row an item")]
    known = set(ids.drop_nulls())
    shown: dict[tuple[str, str | None], tuple[str, ...]] = {}
    problems = []
    for line in suggestions.iter_rows(named=True):
        item, given, annotator = line["item"], line["suggestion"], line.get("annotator")
        if given is None:
            continue
        labels = [given] if isinstance(given, str) else list(given)
        unknown = [label for label in labels if label not in schema]
        if item not in known:
            problems.append(GoldError(f"suggestions= names an unknown item: {item!r}"))
        elif unknown:
            hint = did_you_mean(unknown[0], schema.names)
            what = f"the suggestion for item {item!r} has an unknown label: {unknown[0]!r}"
            problems.append(GoldError(what, available=schema.names, hint=hint))
        elif (item, annotator) in shown:
            problems.append(GoldError(f"suggestions= names item {item!r} twice"))
        else:
            names = tuple(dict.fromkeys(schema.label(schema.code(label)) for label in labels))
            shown[item, annotator] = names
    return shown, problems[:20]


def _notes(rows: pl.DataFrame) -> tuple[str, ...]:
    notes = []
    same = rows.filter(pl.col("text").is_duplicated()).height
    if same:
        notes.append(f"items that share their text with another item: {same}")
    nul = rows.filter(pl.col("text").str.contains("\0", literal=True)).height
    if nul:
        notes.append(f"texts with a NUL character, which many tools refuse: {nul}")
    return tuple(notes)
