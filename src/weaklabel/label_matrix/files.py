"""Votes as Parquet files: what `LabelMatrix.write` writes and `LabelMatrix.scan` reads."""

from __future__ import annotations

import json
import os
import uuid
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple, TypeVar

import numpy as np
import polars as pl

from weaklabel.errors import OutputError, VotesError
from weaklabel.label_matrix.patterns import Events, Int8
from weaklabel.schema import ABSTAIN, VOTE_PREFIX

_META = "weaklabel.votes"
T = TypeVar("T")


class Head(NamedTuple):
    """What a file's metadata says of its votes."""

    labelers: tuple[str, ...]
    silence: Int8
    layout: str
    faults: Mapping[str, int]


def write_table(
    path: Path,
    table: pl.DataFrame,
    labelers: tuple[str, ...],
    silence: Int8,
    layout: str,
    faults: Mapping[str, int],
) -> Path:
    """Write a frame with its head as metadata, renamed into place when it is whole."""
    meta = {"layout": layout, "labelers": labelers, "silence": silence.tolist(), "faults": dict(faults)}
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        table.write_parquet(temporary, metadata={_META: json.dumps(meta)})
        with temporary.open("rb+") as written:
            os.fsync(written.fileno())
        temporary.replace(path)
    except OSError as error:
        raise OutputError(f"can't write the votes: {error}", where=str(path)) from error
    finally:
        if temporary.parent.is_dir():
            temporary.unlink(missing_ok=True)
    return path


def read_table(file: Path) -> pl.DataFrame:
    """Read one part."""
    return _reading(file, lambda: pl.read_parquet(file))


def lists_from_events(ids: pl.Series, events: Events) -> pl.DataFrame:
    """Return `id`, and per row the lists `labelers` (positions) and `codes`."""
    row = np.repeat(np.arange(len(ids)), np.diff(events.indptr))
    long = pl.DataFrame({"row": row, "labelers": events.labelers, "codes": events.codes})
    lists = long.group_by("row", maintain_order=True).agg("labelers", "codes")
    rows = pl.DataFrame({"id": ids, "row": np.arange(len(ids))})
    empty = [
        pl.col(c).fill_null(pl.lit([], dtype=t))
        for c, t in (("labelers", pl.List(pl.Int32)), ("codes", pl.List(pl.Int8)))
    ]
    return rows.join(lists, on="row", how="left", maintain_order="left").drop("row").with_columns(empty)


def events_from_lists(frame: pl.DataFrame) -> Events:
    """Return the events of such a frame."""
    lengths = frame["labelers"].list.len().to_numpy()
    full = frame.filter(pl.col("labelers").list.len() > 0)
    indptr = np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)])
    return Events(
        indptr,
        full["labelers"].explode().cast(pl.Int32).to_numpy(),
        full["codes"].explode().cast(pl.Int8).to_numpy(),
    )


def read_head(file: Path) -> Head:
    """Return what a file's metadata says of its votes, without rows."""
    meta = _reading(file, lambda: pl.read_parquet_metadata(file))
    if _META in meta:
        told = json.loads(meta[_META])
        silence = np.array(told["silence"], np.int8)
        return Head(tuple(told["labelers"]), silence, told["layout"], told["faults"])
    columns = list(_reading(file, lambda: pl.read_parquet_schema(file)))
    names = tuple(c.removeprefix(VOTE_PREFIX) for c in columns if c.startswith(VOTE_PREFIX))
    if "id" not in columns or not names:
        hint = f"votes have a column id and columns {VOTE_PREFIX}<rule id>"
        raise VotesError("this file holds no votes", where=str(file), available=columns, hint=hint)
    return Head(names, np.full(len(names), ABSTAIN, np.int8), "columns", {})


def _reading(file: Path, read: Callable[[], T]) -> T:
    try:
        return read()
    except (pl.exceptions.PolarsError, OSError) as error:
        reason = str(error).splitlines()[0]
        raise VotesError(
            f"can't read the votes: {reason}", where=str(file), hint="a cut-off file has to be voted again"
        ) from error
