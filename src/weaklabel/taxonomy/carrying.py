"""What people said of rows under a new schema: carried over where that is exact, named where only a person can tell.

A rename and a merge are exact. "spam", split into "spam" and "scam", is no single label any more, so that a gold item waits
for a person.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from weaklabel.errors import GoldError
from weaklabel.schema import LabelSchema
from weaklabel.taxonomy.differences import SchemaDiff

QUEUED: dict[str, Any] = {"id": pl.String, "labels": pl.List(pl.String), "why": pl.String}
_TEXTS = pl.List(pl.String)


@dataclass(frozen=True)
class Carried:
    """What came of rows under a new schema.

    Parameters
    ----------
    rows
        What is carried over, in the form that was given.
    queued
        What waits for a person, or for the next run: id, the old labels, why.
    same, renamed
        Rows carried over with the same labels, and with other names.
    notes
        What a reader should know, in sentences.

    Examples
    --------
    >>> Carried(pl.DataFrame({"id": ["a"]}), pl.DataFrame(schema=QUEUED), 0, 1).counts
    {'same': 0, 'renamed': 1, 'queued': 0}
    """

    rows: pl.DataFrame
    queued: pl.DataFrame
    same: int
    renamed: int
    notes: tuple[str, ...] = ()

    @property
    def counts(self) -> dict[str, int]:
        """Rows by what came of them."""
        return {"same": self.same, "renamed": self.renamed, "queued": self.queued.height}


@dataclass(frozen=True)
class Fate:
    """What a list of labels is under the new schema: `labels` (None: only a person can tell), and why not.

    Examples
    --------
    >>> Fate(("spam",)).whole
    True
    """

    labels: tuple[str, ...] | None
    why: str = ""

    @property
    def whole(self) -> bool:
        """Nothing waits for a person."""
        return self.labels is not None and not self.why


def fate(labels: Sequence[str], diff: SchemaDiff) -> Fate:
    """Return what a row's labels are under the new schema.

    A retired label falls away where a row may have several; a person is asked all the same.

    Examples
    --------
    >>> from weaklabel.schema import Label
    >>> from weaklabel.taxonomy import schema_diff
    >>> new = LabelSchema(["cat", "dog", Label("fax", status="retired")], exclusive=False)
    >>> found = schema_diff(LabelSchema(["cat", "dog", "fax"], exclusive=False), new)
    >>> fate(["cat", "fax"], found)
    Fate(labels=('cat',), why="'fax' is retired")
    """
    kept: list[str] = []
    reasons: list[str] = []
    lost = False
    for name in labels:
        if name not in diff.old and diff.old.was(name) is None and name in diff.new:
            kept.append(diff.new.label(diff.new.code(name)))
            continue
        news = diff.becomes[diff.old.label(diff.old.code(name))] if name in diff.old else ()
        if len(news) == 1:
            kept.append(news[0])
        elif news:
            reasons.append(f"{name!r} was split into {', '.join(news)}")
            lost = True
        else:
            gone = name in diff.gone or (name not in diff.old and diff.old.was(name) is None)
            reasons.append(f"{name!r} is {'gone' if gone else 'retired'}")
            lost = lost or gone or diff.new.exclusive
    found = tuple(dict.fromkeys(kept))
    if diff.new.exclusive and len(found) > 1:
        return Fate(None, f"{len(found)} labels where one is wanted: {', '.join(found)}")
    if lost:
        return Fate(None, "; ".join(reasons))
    return Fate(found, "; ".join(reasons))


def carry_gold(frame: pl.DataFrame, diff: SchemaDiff, *, id: str = "id", label: str | None = None) -> Carried:
    """Return gold rows under the new schema.

    Parameters
    ----------
    frame
        One row an item.
    diff
        What changed.
    id, label
        Columns; the labels stand in `label`, else in ``label`` or ``labels``: a name, or a list of names. Text with
        "|" between names is a list where rows may have several.

    Raises
    ------
    GoldError
        There is no such column.

    Examples
    --------
    >>> from weaklabel.taxonomy import schema_diff
    >>> old, new = LabelSchema(["ham", "spam"]), LabelSchema(["ham", "spam", "scam"])
    >>> found = schema_diff(old, new, {"split": {"spam": ["spam", "scam"]}})
    >>> gold = carry_gold(pl.DataFrame({"id": ["a", "b"], "label": ["ham", "spam"]}), found)
    >>> gold.rows.rows(), gold.queued.rows()
    ([('a', 'ham')], [('b', ['spam'], "'spam' was split into spam, scam")])
    """
    column = label or next((name for name in ("label", "labels") if name in frame.columns), "label")
    for name in (id, column):
        if name not in frame.columns:
            raise GoldError(f"the gold has no column {name!r}", available=frame.columns)
    lists = as_lists(frame[column], diff.old)
    fates = fates_of(lists, diff)
    carried = [one.labels is not None for one in fates]
    written = _written([one.labels for one in fates], frame[column])
    rows = frame.with_columns(written.alias(column)).filter(pl.Series(carried, dtype=pl.Boolean))
    waits = pl.Series([not one.whole for one in fates], dtype=pl.Boolean)
    queued = queued_rows(frame[id], lists, [one.why for one in fates]).filter(waits)
    same = sum(
        ok and tuple(was or ()) == one.labels
        for ok, was, one in zip(carried, lists.to_list(), fates, strict=True)
    )
    return Carried(rows, queued, same, sum(carried) - same, added_notes(diff, "gold"))


# ---- lists of labels ----


def as_lists(column: pl.Series, schema: LabelSchema) -> pl.Series:
    """Return a column of labels as lists; a null stays null.

    Examples
    --------
    >>> as_lists(pl.Series(["a|b", None]), LabelSchema(["a", "b"], exclusive=False)).to_list()
    [['a', 'b'], None]
    """
    if isinstance(column.dtype, pl.List):
        return column.cast(_TEXTS)
    text = column.cast(pl.String)
    if schema.exclusive:
        one = pl.DataFrame({"t": text}).select(pl.when(pl.col("t").is_not_null()).then(pl.concat_list("t")))
        return one.to_series().cast(_TEXTS)
    cut = text.str.split("|").list.eval(pl.element().str.strip_chars())
    return cut.list.eval(pl.element().filter(pl.element() != ""))


def fates_of(lists: pl.Series, diff: SchemaDiff) -> list[Fate]:
    """Return what each list of labels is under the new schema."""
    known: dict[tuple[str, ...], Fate] = {}
    found = []
    for labels in lists.to_list():
        key = tuple(labels or ())
        if key not in known:
            known[key] = fate(key, diff)
        found.append(known[key])
    return found


def _written(labels: Sequence[tuple[str, ...] | None], like: pl.Series) -> pl.Series:
    """Return lists of labels in the form of a column."""
    if isinstance(like.dtype, pl.List):
        return pl.Series([None if one is None else list(one) for one in labels], dtype=_TEXTS)
    nulls = like.is_null().to_list()
    texts = [None if null or one is None else "|".join(one) for one, null in zip(labels, nulls, strict=True)]
    return pl.Series(texts, dtype=pl.String)


def queued_rows(ids: pl.Series, lists: pl.Series, reasons: Sequence[str]) -> pl.DataFrame:
    """Return rows as they are queued."""
    whys = pl.Series(list(reasons), dtype=pl.String)
    return pl.DataFrame(
        {"id": ids.cast(pl.String), "labels": lists.fill_null([]), "why": whys}, schema=QUEUED
    )


def added_notes(diff: SchemaDiff, what: str) -> tuple[str, ...]:
    """Return what there is to say of labels that are new."""
    added = [name for change in diff.changes if change.kind == "added" for name in change.new]
    if not added:
        return ()
    return (
        f"{what} from before {', '.join(added)} existed says nothing of {'it' if len(added) == 1 else 'them'}",
    )
