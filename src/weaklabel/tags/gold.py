"""Gold of rows that may have several tags: a table of ids and lists, as rows of codes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from weaklabel.errors import GoldError, SchemaError
from weaklabel.schema import LabelSchema

Int64 = npt.NDArray[np.int64]
Int32 = npt.NDArray[np.int32]


@dataclass(frozen=True, eq=False)
class GoldTags:
    """Which tags some rows have, by codes.

    Parameters
    ----------
    ids
        Ids of the rows, ascending.
    indptr, codes
        Tags of each row: (g + 1,) int64, int32, ascending within a row.

    Examples
    --------
    >>> schema = LabelSchema(["late", "lost", "rude"], exclusive=False)
    >>> gold = read_gold(pl.DataFrame({"id": ["a", "b"], "labels": [["rude", "late"], []]}), schema)
    >>> gold.codes.tolist(), gold.indptr.tolist()
    ([0, 2], [0, 2, 2])
    """

    ids: pl.Series
    indptr: Int64
    codes: Int32

    def __len__(self) -> int:
        return len(self.ids)

    def dense(self, k: int) -> npt.NDArray[np.bool_]:
        """Return (g, k) whether each row has each tag."""
        found = np.zeros((len(self), k), bool)
        found[np.repeat(np.arange(len(self)), np.diff(self.indptr)), self.codes] = True
        return found


def read_gold(gold: pl.DataFrame | Mapping[str, Any], schema: LabelSchema) -> GoldTags:
    """Read gold.

    Parameters
    ----------
    gold
        A frame with `id` and `labels` (lists of names; text is split at `|`; an empty list: none of the tags; a null row is
        left out), or a mapping from id to names.
    schema
        The tags.

    Raises
    ------
    GoldError
        A column is missing or of another type, an id occurs twice, a name is no tag.

    Examples
    --------
    >>> schema = LabelSchema(["late", "lost"], exclusive=False)
    >>> read_gold({"a": ["lost"], "b": []}, schema).dense(2).tolist()
    [[False, True], [False, False]]
    """
    if isinstance(gold, Mapping):
        gold = pl.DataFrame(
            {"id": list(gold), "labels": [list(names) for names in gold.values()]},
            schema={"id": pl.String, "labels": pl.List(pl.String)},
        )
    if not isinstance(gold, pl.DataFrame):
        raise GoldError(
            f"gold is a frame or a mapping, not {type(gold).__name__}", hint='{"row 1": ["late"]}'
        )
    for name in ("id", "labels"):
        if name not in gold.columns:
            raise GoldError(
                f"gold has no column {name!r}", available=gold.columns, hint="columns `id`, `labels`"
            )
    frame = gold.select(pl.col("id").cast(pl.String), _lists(gold["labels"])).drop_nulls().sort("id")
    twice = frame.filter(pl.col("id").is_duplicated())["id"]
    if len(twice):
        raise GoldError(f"gold id {twice[0]!r} occurs twice", hint="one line a row, with all its tags")
    long = frame.with_row_index("row").explode("labels", empty_as_null=True).drop_nulls("labels")
    codes = {name: _code(name, schema, long) for name in long["labels"].unique()}
    rows = long["row"].to_numpy().astype(np.int64)
    flat = np.array([codes[name] for name in long["labels"]], np.int64)
    keys = np.unique(rows * len(schema) + flat)
    indptr = np.concatenate([[0], np.cumsum(np.bincount(keys // len(schema), minlength=frame.height))])
    return GoldTags(frame["id"], indptr.astype(np.int64), (keys % len(schema)).astype(np.int32))


def _lists(labels: pl.Series) -> pl.Series:
    if labels.dtype == pl.String:
        split = pl.element().str.strip_chars()
        return labels.str.split("|").list.eval(split.filter(split != "")).alias("labels")
    if labels.dtype == pl.List(pl.String) or labels.dtype in (pl.List(pl.Null), pl.Null):
        return labels.cast(pl.List(pl.String))
    raise GoldError(
        f"gold's `labels` hold {labels.dtype}, not lists of names", hint='lists, or text such as "late|rude"'
    )


def _code(name: str, schema: LabelSchema, long: pl.DataFrame) -> int:
    try:
        return schema.code(name)
    except SchemaError as error:
        row = long.filter(pl.col("labels") == name)["id"][0]
        raise GoldError(
            f"gold names {name!r}, which is no tag",
            where=f"id {row!r}",
            available=schema.names,
            hint=error.hint,
        ) from error
