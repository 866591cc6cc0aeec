"""What changes in data files of the label table, and how versions differ."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import polars as pl

from weaklabel.errors import some
from weaklabel.store.label_files import LABEL_TABLE_COLUMNS, LabelFile, rewritten
from weaklabel.store.table_commits import DataFile
from weaklabel.store.table_place import Place, TableError

PART = 2_000_000
"""Rows that are joined at a time."""
_OTHERS = tuple(name for name in LABEL_TABLE_COLUMNS if name != "id")


def scan(place: Place, files: Iterable[str], *, named: str | None = None) -> pl.LazyFrame:
    """Return the rows of data files, lazily, in the order of the files' names.

    Parameters
    ----------
    place, files
        Which files, by name.
    named
        A further column that holds each row's file, by its whole name.
    """
    paths = [place.url(path) for path in sorted(files)]
    columns = LABEL_TABLE_COLUMNS | ({named: pl.String} if named else {})
    if not paths:
        return pl.LazyFrame(schema=columns)
    return pl.scan_parquet(
        paths,
        schema=pl.Schema(LABEL_TABLE_COLUMNS),
        glob=False,
        hive_partitioning=False,
        include_file_paths=named,
        storage_options=place.options,
    )


def counts(place: Place, files: Iterable[str]) -> dict[str, Any]:
    """Return rows, rows by status, and rows by label of data files, as `counts_of` does."""
    by = scan(place, files).group_by("status", "label").len().collect(engine="streaming")

    def of(name: str) -> dict[str, int]:
        return dict(by.drop_nulls(name).group_by(name).agg(pl.col("len").sum()).sort(name).iter_rows())

    return {"rows": int(by["len"].sum()), "statuses": of("status"), "labels": of("label")}


def with_statuses(place: Place, held: Mapping[str, DataFile], changes: pl.DataFrame) -> dict[str, LabelFile]:
    """Write the files that hold changed rows again, and return them by the names of the old ones.

    Raises
    ------
    TableError
        The changes are malformed, or don't belong to these files.
    """
    wanted = {"id": pl.String, "status": pl.String, "label": pl.String}
    if dict(changes.schema) != wanted:
        shown = ", ".join(f"{name} {kind}" for name, kind in changes.schema.items())
        raise TableError(f"changes have the columns {shown}", available=["id, status, label: String"])
    _refuse_bad(changes)
    now = scan(place, held, named="file").select("id", "label", "status", "file")
    both = now.join(changes.lazy(), on="id", how="inner", suffix="_new").collect(engine="streaming")
    if both.height != changes.height:
        unknown = changes.join(both, on="id", how="anti")["id"].sort()
        raise TableError(f"{len(unknown)} ids are not in the table: {some(unknown)}", where=place.root)
    other = pl.col("label_new").is_not_null() & pl.col("label_new").ne_missing(pl.col("label"))
    wrong = both.filter(other)["id"].sort()
    if len(wrong):
        what = f"{len(wrong)} rows would get another label: {some(wrong)}"
        raise TableError(
            what, where=place.root, hint="only a status changes here; a label stays or becomes null"
        )
    differs = pl.col("status").ne_missing(pl.col("status_new")) | pl.col("label").ne_missing(
        pl.col("label_new")
    )
    written = {}
    for (url,), rows in both.filter(differs).sort("file", "id").group_by("file", maintain_order=True):
        path = place.relative(str(url))
        new = rows.select("id", "status_new", "label_new", changed=True)
        frame = scan(place, [path]).collect().join(new, on="id", how="left", maintain_order="left")
        changed = pl.col("changed").is_not_null()
        frame = frame.with_columns(
            pl.when(changed).then(f"{name}_new").otherwise(name).alias(name) for name in ("status", "label")
        )
        written[path] = rewritten(place, path, frame.select(*LABEL_TABLE_COLUMNS))
    return written


def without_ids(place: Place, held: Mapping[str, DataFile], ids: list[str]) -> dict[str, LabelFile | None]:
    """Write the files that hold some ids again without them; None: nothing was left of a file."""
    near = [path for path, file in held.items() if file.may_hold(ids)]
    written: dict[str, LabelFile | None] = {}
    for path in holding(place, near, ids):
        frame = scan(place, [path]).filter(~pl.col("id").is_in(ids)).collect()
        written[path] = rewritten(place, path, frame) if frame.height else None
    return written


def holding(place: Place, files: Iterable[str], ids: list[str]) -> list[str]:
    """Return those of some files that hold one of the ids."""
    rows = scan(place, files, named="file").filter(pl.col("id").is_in(ids)).select("file").unique()
    return sorted(place.relative(url) for url in rows.collect(engine="streaming")["file"])


def differences(place: Place, before: Mapping[str, DataFile], after: Mapping[str, DataFile]) -> pl.DataFrame:
    """Return the ids of which a column differs (see `LabelTable.differences`)."""
    sides = [[path for path in one if path not in other] for one, other in ((before, after), (after, before))]
    rows = max(
        sum(file[path].rows for path in side) for file, side in zip((before, after), sides, strict=True)
    )
    parts = -(-rows // PART) or 1
    return pl.concat([_differences(place, sides, part, parts) for part in range(parts)]).sort("id")


def _differences(place: Place, sides: list[list[str]], part: int, parts: int) -> pl.DataFrame:
    """Return differences among ids of one part of all, cut by a hash that has no other use."""
    old, new = (scan(place, side) for side in sides)
    if parts > 1:
        old, new = (side.filter(pl.col("id").hash() % parts == part) for side in (old, new))
    old = old.with_columns(before=True)
    new = new.with_columns(after=True)
    both = old.join(new, on="id", how="full", coalesce=True, suffix="_new")
    side = pl.when(pl.col("before").is_null()).then(pl.lit("after")).when(pl.col("after").is_null())
    differs = [
        pl.when(pl.col("before") & pl.col("after")).then(_differ(name)).alias(name) for name in _OTHERS
    ]
    told = both.select("id", side.then(pl.lit("before")).otherwise(pl.lit("both")).alias("side"), *differs)
    return told.filter((pl.col("side") != "both") | pl.any_horizontal(*_OTHERS)).collect(engine="streaming")


def _differ(name: str) -> pl.Expr:
    return pl.col(name).ne_missing(pl.col(f"{name}_new"))


def _refuse_bad(changes: pl.DataFrame) -> None:
    doubled = changes.filter(changes["id"].is_duplicated())["id"].unique().sort()
    if len(doubled):
        raise TableError(f"{len(doubled)} ids stand twice among the changes: {some(doubled)}")
    if changes["id"].null_count() or changes["status"].null_count():
        raise TableError("a change has no id or no status")
