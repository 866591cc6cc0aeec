"""Label tables under a new schema: every row stays, with its label where that is exact."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import polars as pl

from weaklabel.taxonomy.carrying import Carried, added_notes, as_lists, fates_of, queued_rows
from weaklabel.taxonomy.differences import SchemaDiff

_TEXTS = pl.List(pl.String)


def carry_labels(frame: pl.DataFrame, diff: SchemaDiff) -> Carried:
    """Return the rows of a label table under the new schema; every row stays.

    A row whose label only a person or a new run can tell has no label (status "below_threshold"), and is among `queued`.
    Probabilities go to the label that each old one has become, those of merged labels are added (for tags: the
    largest stands, which is never too much), those of new labels are 0; where some went to a label that was split or is no
    more, they are null.

    Examples
    --------
    >>> from weaklabel.schema import LabelSchema
    >>> from weaklabel.taxonomy import schema_diff
    >>> found = schema_diff(LabelSchema(["ham", "spam"]), LabelSchema(["junk", "ham"]), {"rename": {"spam": "junk"}})
    >>> rows = pl.DataFrame({"id": ["a"], "label": ["spam"], "status": ["labeled"], "probabilities": [[0.25, 0.75]]})
    >>> carry_labels(rows, found).rows.rows()
    [('a', 'junk', 'labeled', [0.75, 0.25])]
    """
    return _carry_tags(frame, diff) if "labels" in frame.columns else _carry_classes(frame, diff)


def _carry_classes(frame: pl.DataFrame, diff: SchemaDiff) -> Carried:
    labels = frame["label"].cast(pl.String)
    lists = as_lists(labels, diff.old)
    fates = fates_of(lists, diff)
    probabilities, known = _moved(frame, diff)
    new = [one.labels[0] if one.labels else None for one in fates]
    whys = [one.why for one in fates]
    merged = any(change.kind == "merged" for change in diff.changes)
    for at, label in enumerate(new):
        row = probabilities[at] if merged and known[at] else None
        if label is not None and row is not None and row[diff.new.code(label)] < row.max():
            best = diff.new.label(int(row.argmax()))
            new[at], whys[at] = None, f"{best!r} is likelier now that labels are merged"
    had = labels.is_not_null().to_list()
    waits = [was and label is None for was, label in zip(had, new, strict=True)]
    rows = frame.with_columns(pl.Series("label", new, dtype=pl.String))
    if "status" in frame.columns:
        status = pl.when(pl.Series(waits, dtype=pl.Boolean)).then(pl.lit("below_threshold"))
        rows = rows.with_columns(status.otherwise(pl.col("status")).alias("status"))
    if "probabilities" in frame.columns:
        cells = [row.tolist() if ok else None for row, ok in zip(probabilities, known, strict=True)]
        rows = rows.with_columns(pl.Series("probabilities", cells, dtype=frame["probabilities"].dtype))
    told = queued_rows(frame["id"], lists, whys)
    kept = [label is not None for label in new]
    same = sum(ok and a == b for ok, a, b in zip(kept, labels.to_list(), new, strict=True))
    notes = added_notes(diff, "a label")
    if "probabilities" in frame.columns and (lost := frame["probabilities"].drop_nulls().len() - sum(known)):
        notes = (
            *notes,
            f"{lost:,} rows keep no probabilities: some went to a label that was split or is no more",
        )
    return Carried(rows, told.filter(pl.Series(waits, dtype=pl.Boolean)), same, sum(kept) - same, notes)


def _moved(frame: pl.DataFrame, diff: SchemaDiff) -> tuple[Any, list[bool]]:
    """Return the probabilities of each row under the new schema, and whether they are known."""
    out = np.zeros((frame.height, len(diff.new)))
    if "probabilities" not in frame.columns:
        return out, [False] * frame.height
    column = frame["probabilities"]
    given = [row is not None and len(row) == len(diff.old) for row in column.to_list()]
    known = np.array(given, dtype=bool)
    dense = np.zeros((frame.height, len(diff.old)))
    if known.any():
        dense[known] = np.array(column.filter(pl.Series(given, dtype=pl.Boolean)).to_list(), dtype=np.float64)
    for code, name in enumerate(diff.old.names):
        news = diff.becomes[name]
        if len(news) == 1:
            out[:, diff.new.code(news[0])] += dense[:, code]
        else:
            known &= dense[:, code] == 0
    return out, known.tolist()


def _carry_tags(frame: pl.DataFrame, diff: SchemaDiff) -> Carried:
    lists = frame["labels"].cast(_TEXTS)
    given = [tuple(row or ()) for row in lists.to_list()]
    kept = [_still(row, diff) for row in given]
    fates = fates_of(lists, diff)
    split = [
        any(len(diff.becomes.get(name, ())) != 1 and not _is_retired(name, diff) for name in row)
        for row in given
    ]
    rows = frame.with_columns(pl.Series("labels", [list(one) for one in kept], dtype=_TEXTS))
    if "status" in frame.columns:
        emptied = pl.Series(
            [bool(was) and not now for was, now in zip(given, kept, strict=True)], dtype=pl.Boolean
        )
        status = pl.when(emptied).then(pl.lit("below_threshold")).otherwise(pl.col("status"))
        rows = rows.with_columns(status.alias("status"))
    if "candidates" in frame.columns and "probabilities" in frame.columns:
        rows = _carry_candidates(rows, diff)
    told = queued_rows(frame["id"], lists, [one.why for one in fates]).filter(
        pl.Series(split, dtype=pl.Boolean)
    )
    whole = [not one for one in split]
    same = sum(ok and a == b for ok, a, b in zip(whole, given, kept, strict=True))
    return Carried(rows, told, same, sum(whole) - same, added_notes(diff, "a label"))


def _still(labels: Sequence[str], diff: SchemaDiff) -> tuple[str, ...]:
    """Return the tags that are exactly one tag still."""
    news = (diff.becomes.get(name, ()) for name in labels)
    found = {one[0] for one in news if len(one) == 1}
    return tuple(name for name in diff.new.names if name in found)


def _is_retired(name: str, diff: SchemaDiff) -> bool:
    return name in diff.becomes and not diff.becomes[name] and name not in diff.gone


def _carry_candidates(frame: pl.DataFrame, diff: SchemaDiff) -> pl.DataFrame:
    """Return candidates by their new names, each once with its largest probability, in the order of the schema."""
    code = {old: diff.new.code(found[0]) for old, found in diff.becomes.items() if len(found) == 1}
    long = (
        frame.with_row_index("__row__")
        .select("__row__", "candidates", "probabilities")
        .explode("candidates", "probabilities", empty_as_null=False)
        .with_columns(
            pl.col("candidates").replace_strict(code, default=None, return_dtype=pl.Int64).alias("__code__")
        )
        .drop_nulls("__code__")
        .group_by("__row__", "__code__")
        .agg(pl.col("probabilities").max())
        .sort("__row__", "__code__")
    )
    names = dict(enumerate(diff.new.names))
    lists = long.group_by("__row__", maintain_order=True).agg(
        pl.col("__code__").replace_strict(names, return_dtype=pl.String).alias("candidates"),
        pl.col("probabilities"),
    )
    joined = (
        frame.drop("candidates", "probabilities")
        .with_row_index("__row__")
        .join(lists, on="__row__", how="left", maintain_order="left")
    )
    empty = frame.select(null=pl.col("candidates").is_null()).to_series()
    filled = [
        pl.when(empty).then(None).otherwise(pl.col(name).fill_null([])).alias(name)
        for name in ("candidates", "probabilities")
    ]
    return joined.with_columns(filled).select(frame.columns)
