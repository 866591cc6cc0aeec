"""Data files of the label table: Parquet whose bytes depend on the labels alone."""

from __future__ import annotations

import hashlib
import io
import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from weaklabel.store.table_commits import DataFile
from weaklabel.store.table_place import Place, TableError, place_of

LABEL_TABLE_COLUMNS: dict[str, Any] = {
    "id": pl.String,
    "label": pl.String,
    "status": pl.String,
    "probabilities": pl.List(pl.Float32),
    "n_votes": pl.Int32,
    "pattern": pl.Int64,
    "model": pl.String,
}
"""Columns of the versioned label table; `model` is the version of the model that labeled the row."""

_FORMAT = "1"
_GROUP = 131_072
"""Rows of a row group."""


@dataclass(frozen=True)
class LabelFile:
    """A data file of the label table.

    Parameters
    ----------
    path
        Relative to the table.
    rows, bytes
        Its size.
    digest
        Of its bytes.
    statuses, labels
        Rows by status, and by label.
    first_id, last_id
        Lowest and highest id, as bytes compare; None: no rows.

    Examples
    --------
    >>> LabelFile("ab/part-00000.parquet", 2, 900, "0f", {"labeled": 2}, {"spam": 2}, "a", "b").rows
    2
    """

    path: str
    rows: int
    bytes: int
    digest: str
    statuses: Mapping[str, int]
    labels: Mapping[str, int]
    first_id: str | None
    last_id: str | None

    @property
    def data_file(self) -> DataFile:
        """The same as a version of the table lists it."""
        return DataFile(self.path, self.rows, self.bytes, self.first_id, self.last_id)


def write_label_file(
    root: str | Path, relative: str, frame: pl.DataFrame, *, storage: Mapping[str, str] | None = None
) -> LabelFile:
    """Write a data file under a table, whole or not at all; no reader sees it before it is committed.

    Parameters
    ----------
    root
        The table's folder or URL.
    relative
        The file's name below it, such as <job key>/part-00012.parquet.
    frame
        The columns of `LABEL_TABLE_COLUMNS`; equal frames give equal bytes.
    storage
        How an object store is spoken to.

    Raises
    ------
    TableError
        The columns are others, or an id is null.
    OutputError
        The file can't be written.

    Examples
    --------
    >>> import tempfile
    >>> row = ("a", "spam", "labeled", [0.25, 0.75], 2, 0, "m1")
    >>> frame = pl.DataFrame([row], schema=LABEL_TABLE_COLUMNS, orient="row")
    >>> file = write_label_file(tempfile.mkdtemp(), "ab/part-00000.parquet", frame)
    >>> file.rows, dict(file.statuses), file.first_id
    (1, {'labeled': 1}, 'a')
    """
    data, said = encoded(frame, relative)
    place_of(root, storage).write(relative, data)
    return _label_file(relative, data, said)


def read_label_file(
    root: str | Path, relative: str, *, storage: Mapping[str, str] | None = None
) -> LabelFile | None:
    """Return what `write_label_file` said of a file; None: it isn't there, or isn't whole.

    Examples
    --------
    >>> import tempfile
    >>> read_label_file(tempfile.mkdtemp(), "ab/part-00000.parquet") is None
    True
    """
    data = place_of(root, storage).read(relative)
    if data is None:
        return None
    said = _said(data)
    return None if said is None else _label_file(relative, data, said)


def link_label_file(
    root: str | Path, old: str, new: str, *, storage: Mapping[str, str] | None = None
) -> LabelFile:
    """Give a data file's bytes a second name, without copying them where that is possible.

    Raises
    ------
    TableError
        The old file isn't there, or isn't whole.
    OutputError
        The new name can't be written.

    Examples
    --------
    >>> import tempfile
    >>> root, frame = tempfile.mkdtemp(), pl.DataFrame(schema=LABEL_TABLE_COLUMNS)
    >>> old = write_label_file(root, "ab/part-00000.parquet", frame)
    >>> link_label_file(root, "ab/part-00000.parquet", "cd/part-00000.parquet").digest == old.digest
    True
    """
    found = read_label_file(root, old, storage=storage)
    place = place_of(root, storage)
    if found is None:
        raise TableError("the data file isn't there, or isn't whole", where=place.url(old))
    place.link(old, new)
    return LabelFile(**{**vars(found), "path": new})


def counts_of(files: Iterable[LabelFile]) -> dict[str, Any]:
    """Return rows, rows by status, and rows by label of several files.

    Examples
    --------
    >>> file = LabelFile("a.parquet", 2, 9, "0f", {"labeled": 1, "tie": 1}, {"spam": 1}, "a", "b")
    >>> counts_of([file, file])
    {'rows': 4, 'statuses': {'labeled': 2, 'tie': 2}, 'labels': {'spam': 2}}
    """
    rows, statuses, labels = 0, Counter[str](), Counter[str]()
    for file in files:
        rows += file.rows
        statuses.update(file.statuses)
        labels.update(file.labels)
    return {"rows": rows, "statuses": dict(sorted(statuses.items())), "labels": dict(sorted(labels.items()))}


def encoded(frame: pl.DataFrame, where: str) -> tuple[bytes, dict[str, Any]]:
    """Return a frame as the bytes of a data file, and what is said of it in its footer."""
    if dict(frame.schema) != dict(pl.Schema(LABEL_TABLE_COLUMNS)):
        shown = ", ".join(f"{name} {kind}" for name, kind in frame.schema.items())
        wanted = [f"{name} {kind}" for name, kind in pl.Schema(LABEL_TABLE_COLUMNS).items()]
        raise TableError(
            f"these are not the columns of a label table: {shown}", where=where, available=wanted
        )
    if frame["id"].null_count():
        raise TableError(f"{frame['id'].null_count()} rows have no id", where=where)
    said = {
        "format": _FORMAT,
        "rows": frame.height,
        "statuses": _counted(frame["status"]),
        "labels": _counted(frame["label"]),
        "first_id": frame["id"].min(),
        "last_id": frame["id"].max(),
    }
    buffer = io.BytesIO()
    frame.rechunk().write_parquet(
        buffer,
        compression="zstd",
        compression_level=3,
        statistics=True,
        row_group_size=_GROUP,
        metadata={"weaklabel": json.dumps(said, ensure_ascii=False, sort_keys=True)},
    )
    return buffer.getvalue(), said


def rewritten(place: Place, old: str, frame: pl.DataFrame) -> LabelFile:
    """Write a changed data file beside the old one, under a name that its content decides."""
    data, said = encoded(frame, old)
    stem = old.removesuffix(".parquet").partition("~")[0]
    relative = f"{stem}~{bytes_digest(data)[:16]}.parquet"
    place.write(relative, data)
    return _label_file(relative, data, said)


def bytes_digest(data: bytes) -> str:
    """Return 32 hexadecimal digits that stand for bytes; those of a file are its `fingerprint.file_digest`.

    Examples
    --------
    >>> len(bytes_digest(b"labels"))
    32
    """
    return hashlib.blake2b(data, digest_size=16).hexdigest()


def _said(data: bytes) -> dict[str, Any] | None:
    """Return what a file's footer says; None: it isn't one of ours, or not whole."""
    try:
        said = json.loads(pl.read_parquet_metadata(io.BytesIO(data))["weaklabel"])
    except (pl.exceptions.PolarsError, OSError, KeyError, ValueError):
        return None
    return said if said.get("format") == _FORMAT else None


def _label_file(relative: str, data: bytes, said: Mapping[str, Any]) -> LabelFile:
    return LabelFile(
        relative,
        said["rows"],
        len(data),
        bytes_digest(data),
        said["statuses"],
        said["labels"],
        said["first_id"],
        said["last_id"],
    )


def _counted(column: pl.Series) -> dict[str, int]:
    counts = column.drop_nulls().value_counts(sort=False)
    return dict(sorted(counts.iter_rows()))
