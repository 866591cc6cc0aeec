"""Versions of a Delta table: what each holds, and one commit without a silent second try."""

from __future__ import annotations

import json
import re
import time
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import polars as pl

from weaklabel.errors import OutputError
from weaklabel.store.table_place import LOG, ConflictError, Place, TableError

COMMIT = re.compile(rf"{LOG}/(\d{{20}})\.json")
"""Names of the log's files; the number is a version."""
_SETTINGS = {"delta.enableExpiredLogCleanup": "false", "delta.checkpointInterval": "10"}
"""The log is the table's history, so it stays whole; checkpoints make it quick to open."""
_OURS = ("timestamp", "operation", "operationParameters", "engineInfo", "clientVersion", "version")


@dataclass(frozen=True)
class DataFile:
    """A data file of a version: its name within the table, rows, bytes, and the lowest and highest key it holds.

    Examples
    --------
    >>> file = DataFile("ab/part-00000.parquet", 2, 900, "b", "d")
    >>> file.may_hold(["a", "c"]), file.may_hold(["a", "e"])
    (True, False)
    """

    path: str
    rows: int
    bytes: int
    low: str | int | None = None
    high: str | int | None = None

    def may_hold(self, keys: Sequence[Any]) -> bool:
        """Return whether some of sorted keys lie between the lowest and the highest, or the file doesn't say."""
        if self.low is None or self.high is None:
            return True
        return bisect_left(keys, self.low) < bisect_right(keys, self.high)


@dataclass(frozen=True)
class TableVersion:
    """One version of a table.

    Parameters
    ----------
    version, time
        Its number, from 0, and when it was committed (UTC).
    kind
        relabel, status, erase or restore.
    metadata
        What its commit says, texts all.
    rows, files
        What it holds; None: its writer didn't say.

    Examples
    --------
    >>> TableVersion(0, datetime(2026, 3, 1, tzinfo=UTC), "relabel", {"run_id": "r1"}, 10, 1).run_id
    'r1'
    """

    version: int
    time: datetime
    kind: str
    metadata: Mapping[str, str] = field(default_factory=dict)
    rows: int | None = None
    files: int | None = None

    @property
    def run_id(self) -> str:
        """The run that wrote it."""
        return self.metadata.get("run_id", "")


def latest(place: Place) -> int | None:
    """Return the number of the newest version; None: there is no table."""
    found = [int(name[-25:-5]) for name in place.files(LOG) if COMMIT.fullmatch(name)]
    return max(found, default=None)


def files_of(place: Place, version: int, *, key: str) -> dict[str, DataFile]:
    """Return the data files of a version by name; `key` is the column of which low and high are kept.

    Raises
    ------
    TableError
        There is no such table or version.
    """
    table = open_version(place, version)
    frame: Any = pl.DataFrame(table.get_add_actions(flatten=True))
    low, high = f"min.{key}", f"max.{key}"
    columns = [c for c in (low, high) if c in frame.columns]
    rows = frame.select("path", "num_records", "size_bytes", *columns).iter_rows(named=True)
    found = (
        DataFile(unquote(r["path"]), r["num_records"] or 0, r["size_bytes"], r.get(low), r.get(high))
        for r in rows
    )
    return {file.path: file for file in sorted(found, key=lambda file: file.path)}


def open_version(place: Place, version: int | None = None) -> Any:
    """Return deltalake's table at a version.

    Raises
    ------
    TableError
        There is no such table or version; the versions there are are named.
    """
    from deltalake import DeltaTable
    from deltalake.exceptions import DeltaError, TableNotFoundError

    newest = latest(place)
    if newest is None:
        raise TableError("there is no label table yet", where=place.root, hint="weaklabel relabel makes it")
    if version is not None and not 0 <= version <= newest:
        what = f"there is no version {version}"
        known = f"0 to {newest}" if newest else "0"
        raise TableError(what, where=place.root, available=[known], hint="weaklabel labels log")
    try:
        return DeltaTable(place.root, version=version, storage_options=place.options)
    except (DeltaError, TableNotFoundError) as error:
        what = f"version {version} can't be read: {error}"
        raise TableError(what, where=place.root, hint="weaklabel labels log") from error


def history(place: Place, *, version: int | None = None, limit: int | None = None) -> list[TableVersion]:
    """Return the versions of a table up to one, newest last, or the last few; no table: none.

    Raises
    ------
    TableError
        The log can't be read.
    """
    if version is None and latest(place) is None:
        return []
    found = [_version(entry) for entry in open_version(place, version).history(limit)]
    return sorted(found, key=lambda one: one.version)


def _version(entry: Mapping[str, Any]) -> TableVersion:
    given = {name: value for name, value in entry.items() if name not in _OURS}
    said = {name: value if isinstance(value, str) else json.dumps(value) for name, value in given.items()}
    rows, files = (int(said[name]) if said.get(name, "").isdigit() else None for name in ("rows", "files"))
    moment = datetime.fromtimestamp(entry["timestamp"] / 1000, UTC)
    kind = said.get("kind") or str(entry.get("operation", "")).lower()
    return TableVersion(int(entry["version"]), moment, kind, said, rows, files)


def commit(
    place: Place,
    adds: Sequence[DataFile],
    removes: Iterable[str],
    *,
    columns: Mapping[str, Any],
    key: str,
    expected: int | None,
    metadata: Mapping[str, str],
) -> int:
    """Write one version: `expected` becomes `expected + 1`, or somebody else was first.

    Raises
    ------
    ConflictError
        A version came between.
    OutputError
        The log can't be written.
    """
    from deltalake import CommitProperties, DeltaTable, PostCommitHookProperties, Schema
    from deltalake.exceptions import DeltaError
    from deltalake.transaction import AddAction, RemoveAction, create_table_with_add_actions

    refuse_newer(place, expected)
    moment = int(time.time() * 1000)
    added = [AddAction(f.path, f.bytes, {}, moment, True, _stats(f, key)) for f in adds]
    schema = Schema.from_arrow(_arrow_schema(columns))
    properties = CommitProperties(custom_metadata=dict(metadata), max_commit_retries=0)
    hooks = PostCommitHookProperties(create_checkpoint=True, cleanup_expired_logs=False)
    try:
        if expected is None:
            if not place.remote:
                Path(place.root).mkdir(parents=True, exist_ok=True)
            create_table_with_add_actions(
                place.root,
                schema,
                added,
                mode="error",
                configuration=_SETTINGS,
                storage_options=place.options,
                commit_properties=properties,
                post_commithook_properties=hooks,
            )
            return 0
        gone = [RemoveAction(path, True, moment) for path in removes]
        table = DeltaTable(place.root, version=expected, storage_options=place.options)
        table.create_write_transaction(
            [*added, *gone],
            "append",
            schema,
            commit_properties=properties,
            post_commithook_properties=hooks,
        )
    except (DeltaError, OSError) as error:
        refuse_newer(place, expected)
        raise OutputError(f"can't commit: {error}", where=place.url(LOG)) from error
    return expected + 1


def refuse_newer(place: Place, expected: int | None) -> None:
    """Raise a ConflictError when the table isn't at the version that was expected.

    Raises
    ------
    ConflictError
        Which version came between, and who wrote it.
    """
    now = latest(place)
    if now == expected:
        return
    if now is None:
        what = f"version {expected} of the label table was looked at, and now there is no table"
        raise ConflictError(what, where=place.root, hint="was its folder moved or deleted?")
    first = -1 if expected is None else expected
    between = [
        one for one in history(place, limit=now - first if now > first else None) if one.version > first
    ]
    was = "there was no table" if expected is None else f"it was at version {expected}"
    if not between:
        what = f"the label table is at version {now}, and was expected at version {expected}"
        raise ConflictError(what, where=place.root, hint="look at the table again: weaklabel labels log")
    said = ", ".join(f"version {one.version} ({_by(one)})" for one in between[:5])
    more = f" and {len(between) - 5} more" if len(between) > 5 else ""
    raise ConflictError(
        f"another writer was first: {was} when this began, and since then came {said}{more}",
        where=place.root,
        hint="nothing was overwritten; give the same command again, and it starts from the newest version",
    )


def _by(version: TableVersion) -> str:
    who = f" of run {version.run_id}" if version.run_id else ""
    return f"{version.kind}{who}, {version.time:%Y-%m-%d %H:%M:%S} UTC"


def _stats(file: DataFile, key: str) -> str:
    """Return Delta's statistics of a file as JSON."""
    stats: dict[str, Any] = {"numRecords": file.rows}
    if file.low is not None:
        stats |= {"minValues": {key: file.low}, "maxValues": {key: file.high}, "nullCount": {key: 0}}
    return json.dumps(stats, ensure_ascii=False)


def _arrow_schema(columns: Mapping[str, Any]) -> Any:
    import pyarrow

    types: dict[Any, Any] = {
        pl.String: pyarrow.string(),
        pl.Int64: pyarrow.int64(),
        pl.Int32: pyarrow.int32(),
        pl.Int8: pyarrow.int8(),
        pl.Float32: pyarrow.float32(),
    }

    def arrow(kind: Any) -> Any:
        return pyarrow.list_(types[kind.inner]) if isinstance(kind, pl.List) else types[kind]

    return pyarrow.schema([(name, arrow(kind)) for name, kind in columns.items()])
