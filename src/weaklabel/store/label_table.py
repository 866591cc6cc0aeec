"""The versioned label table: each relabeling is one atomic version of a Delta Lake table."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Literal

import polars as pl

from weaklabel.errors import did_you_mean
from weaklabel.schema import LabelSchema
from weaklabel.store import table_changes, table_commits, table_vacuum
from weaklabel.store.label_files import (
    LABEL_TABLE_COLUMNS,
    LabelFile,
    counts_of,
    link_label_file,
    read_label_file,
    write_label_file,
)
from weaklabel.store.table_commits import TableVersion
from weaklabel.store.table_place import ConflictError, TableError, place_of

__all__ = [
    "LABEL_TABLE_COLUMNS",
    "ConflictError",
    "LabelFile",
    "LabelTable",
    "TableError",
    "TableVersion",
    "counts_of",
    "link_label_file",
    "read_label_file",
    "write_label_file",
]

_OF_ONE_STEP = ("restored", "reason")


class LabelTable:
    """The label table of a task, with all its versions.

    Workers write data files (`write_label_file`), which nobody reads before `commit` names them in one version.

    Parameters
    ----------
    root
        Its folder, or its URL in an object store.
    storage
        How the object store is spoken to; credentials come from the environment alone.

    Examples
    --------
    >>> import tempfile
    >>> root, schema = tempfile.mkdtemp(), LabelSchema(["ham", "spam"])
    >>> row = ("a", "spam", "labeled", [0.25, 0.75], 2, 0, "m1")
    >>> frame = pl.DataFrame([row], schema=LABEL_TABLE_COLUMNS, orient="row")
    >>> file = write_label_file(root, "ab/part-00000.parquet", frame)
    >>> table = LabelTable(root)
    >>> table.version() is None
    True
    >>> table.commit([file], schema=schema, expected=None, metadata={"kind": "relabel", "run_id": "r1"})
    0
    >>> table.scan().select("id", "label").collect().rows()
    [('a', 'spam')]
    """

    def __init__(self, root: str | Path, *, storage: Mapping[str, str] | None = None) -> None:
        self.place = place_of(root, storage)

    @property
    def root(self) -> str:
        """The table's folder or URL."""
        return self.place.root

    def version(self) -> int | None:
        """Return the number of the newest version; None: there is no table yet."""
        return table_commits.latest(self.place)

    def commit(
        self,
        files: Iterable[LabelFile],
        *,
        schema: LabelSchema,
        expected: int | None,
        metadata: Mapping[str, str],
        mode: Literal["overwrite", "append"] = "overwrite",
    ) -> int:
        """Make data files a new version, at once and whole.

        Parameters
        ----------
        files
            What `write_label_file` returned.
        schema
            The labels, in the order of the probabilities.
        expected
            The version that was seen when the work began; None: no table.
        metadata
            Texts that go into the commit; `rows`, `files`, `labels` and `counts` are added where they lack.
        mode
            Whether the files replace those of the version before, or join them.

        Returns
        -------
        int
            The new version.

        Raises
        ------
        ConflictError
            Another version came between; nothing was written.
        TableError
            A data file isn't there, or `mode` is unknown.
        """
        given = {file.path: file for file in files}
        if mode not in ("overwrite", "append"):
            known = ("overwrite", "append")
            raise TableError(f"no mode {mode!r}", available=known, hint=did_you_mean(mode, known))
        table_commits.refuse_newer(self.place, expected)
        held = {} if expected is None else self.files(expected)
        table_vacuum.refuse_missing(self.place, given)
        adds = [file for path, file in sorted(given.items()) if path not in held]
        removes = held.keys() - given.keys() if mode == "overwrite" else set()
        kept = [one.rows for path, one in held.items() if path not in removes]
        said = {
            "kind": "relabel",
            "labels": json.dumps(list(schema.names), ensure_ascii=False),
            "rows": str(sum(kept) + sum(file.rows for file in adds)),
            "files": str(len(kept) + len(adds)),
        }
        if mode == "overwrite":
            said["counts"] = json.dumps(counts_of(given.values()), ensure_ascii=False)
        return table_commits.commit(
            self.place,
            [file.data_file for file in adds],
            sorted(removes),
            columns=LABEL_TABLE_COLUMNS,
            key="id",
            expected=expected,
            metadata={**said, **metadata},
        )

    def log(self) -> list[TableVersion]:
        """Return all versions, newest last; none where there is no table."""
        return table_commits.history(self.place)

    def metadata(self, version: int | None = None) -> dict[str, str]:
        """Return what a version's commit says; None: the newest version."""
        return dict(table_commits.history(self.place, version=self._known(version), limit=1)[0].metadata)

    def files(self, version: int | None = None) -> dict[str, table_commits.DataFile]:
        """Return the data files of a version by name; None: the newest version."""
        return table_commits.files_of(self.place, self._known(version), key="id")

    def scan(self, version: int | None = None) -> pl.LazyFrame:
        """Return the rows of a version, lazily: files by name, rows as they were written.

        Parameters
        ----------
        version
            None: the newest, as it is now.

        Raises
        ------
        TableError
            There is no table or no such version, or the version was vacuumed.
        """
        version = self._known(version)
        files = self.files(version)
        table_vacuum.refuse_vacuumed(self.place, version, files)
        return table_changes.scan(self.place, files)

    def rows_of(self, ids: Iterable[str], version: int | None = None) -> pl.DataFrame:
        """Return the rows of some ids at a version, sorted by id; files that can't hold them are not read."""
        wanted = sorted(set(ids))
        version = self._known(version)
        files = self.files(version)
        near = {path: file for path, file in files.items() if file.may_hold(wanted)}
        table_vacuum.refuse_vacuumed(self.place, version, near)
        rows = table_changes.scan(self.place, near).filter(pl.col("id").is_in(wanted))
        return rows.collect(engine="streaming").sort("id")

    def readable(self, *, without: Collection[str] = ()) -> frozenset[int]:
        """Return the versions whose data files are all there; `without` names files that are thought away."""
        return table_vacuum.readable(self.place, without)

    def restore(self, version: int) -> int:
        """Make an older version stand again, as a new version; nothing is lost.

        Raises
        ------
        TableError
            There is no such version, it stands already, or it was vacuumed.
        ConflictError
            Another version came between.
        """
        current = self._known(None)
        version = self._known(version)
        now, then = self.files(current), self.files(version)
        if now.keys() == then.keys():
            what = f"the labels of version {version} stand already (version {current})"
            raise TableError(what, where=self.root, hint="weaklabel labels log")
        table_vacuum.refuse_vacuumed(self.place, version, then)
        said = {
            **self._carried(version),
            "kind": "restore",
            "restored": str(version),
            "changed": json.dumps({"restored": version}),
        }
        return table_commits.commit(
            self.place,
            [file for path, file in then.items() if path not in now],
            sorted(now.keys() - then.keys()),
            columns=LABEL_TABLE_COLUMNS,
            key="id",
            expected=current,
            metadata=said,
        )

    def vacuum(self, *, hours: float, dry_run: bool = False, standing: Collection[str] = ()) -> list[str]:
        """Delete data files that no version of the last hours names, and return their names.

        Versions that were replaced longer ago can't be read or restored any more; the log still tells of them.
        Files that no version names at all are what broken-off work left; those of the last hour stay.

        Parameters
        ----------
        hours
            How long replaced versions stay readable.
        dry_run
            Only say what would be deleted.
        standing
            Folders below the table, by name, of work that goes on: their files stay.
        """
        return table_vacuum.vacuum(self.place, hours=hours, dry_run=dry_run, standing=standing)

    def change_status(
        self,
        changes: pl.DataFrame,
        *,
        expected: int | None,
        metadata: Mapping[str, str],
        always: bool = False,
    ) -> int:
        """Commit a version in which some rows have another status; only files that hold such rows are written.

        Parameters
        ----------
        changes
            Columns id, status, label; a label is the one that stands, or null, which takes it away.
        expected
            The version that was looked at.
        metadata
            Added to what the version before said; `kind` becomes status.
        always
            Commit a version even where nothing differs: what its metadata say is new.

        Returns
        -------
        int
            The new version, or `expected` where nothing differs and `always` is not set.

        Raises
        ------
        TableError
            An id is doubled or not in the table, or another label is given.
        ConflictError
            Another version came between.
        """
        table_commits.refuse_newer(self.place, expected)
        version = self._known(expected)
        held = self.files(version)
        table_vacuum.refuse_vacuumed(self.place, version, held)
        written = table_changes.with_statuses(self.place, held, changes)
        if not written and not always:
            return version
        said = {**self._carried(version), "changed": json.dumps({"status": changes.height})}
        return self._swap(held, written, version, {**said, "kind": "status", **metadata})

    def without_ids(self, ids: Iterable[str], *, metadata: Mapping[str, str]) -> int:
        """Take ids out of the table, of every version: a new version lacks them, and files that held them go.

        Older versions that held them can't be read any more, and the log forgets the ids where it named them.

        Returns
        -------
        int
            The version that stands afterwards.

        Raises
        ------
        TableError
            There is no table.
        ConflictError
            Another version came between; do it again.
        """
        wanted = sorted(set(ids))
        version = self._known(None)
        held = self.files(version)
        written = table_changes.without_ids(self.place, held, wanted)
        if written:
            said = {**self._carried(version), "changed": json.dumps({"erased": len(wanted)})}
            version = self._swap(held, written, version, {**said, "kind": "erase", **metadata})
        table_vacuum.forget(self.place, wanted, keep=self.files(version))
        return version

    def holding(self, ids: Iterable[str]) -> list[str]:
        """Return the names of all data files, of any version or of none, that hold one of the ids."""
        return table_vacuum.holding(self.place, sorted(set(ids)))

    def differences(self, before: int, after: int) -> pl.DataFrame:
        """Return the ids of which a column differs between two versions.

        Files that both versions share are not read; the rest is joined by id, part by part.

        Returns
        -------
        pl.DataFrame
            id, `side` (both, before or after: where it is), and for each other column whether it differs; sorted by
            id.

        Examples
        --------
        >>> import tempfile
        >>> root, schema = tempfile.mkdtemp(), LabelSchema(["ham", "spam"])
        >>> for version, label in enumerate(["ham", "spam"]):
        ...     row = ("a", label, "labeled", [0.5, 0.5], 2, 0, "m1")
        ...     frame = pl.DataFrame([row], schema=LABEL_TABLE_COLUMNS, orient="row")
        ...     file = write_label_file(root, f"{version}.parquet", frame)
        ...     _ = LabelTable(root).commit([file], schema=schema, expected=version - 1 if version else None, metadata={})
        >>> LabelTable(root).differences(0, 1).select("id", "side", "label", "status").rows()
        [('a', 'both', True, False)]
        """
        sides = []
        for version in (before, after):
            files = self.files(version)
            table_vacuum.refuse_vacuumed(self.place, version, files)
            sides.append(files)
        return table_changes.differences(self.place, *sides)

    def _swap(
        self,
        held: Mapping[str, table_commits.DataFile],
        written: Mapping[str, LabelFile | None],
        expected: int,
        metadata: Mapping[str, str],
    ) -> int:
        """Commit a version in which written files stand in place of the old ones they are made of."""
        new: Sequence[table_commits.DataFile] = [f.data_file for f in written.values() if f is not None]
        files = {path: file for path, file in held.items() if path not in written}
        files |= {file.path: file for file in new}
        counts = table_changes.counts(self.place, files)
        said = {"counts": json.dumps(counts, ensure_ascii=False), "files": str(len(files))}
        return table_commits.commit(
            self.place,
            new,
            sorted(written),
            columns=LABEL_TABLE_COLUMNS,
            key="id",
            expected=expected,
            metadata={**metadata, **said, "rows": str(counts["rows"])},
        )

    def _carried(self, version: int) -> dict[str, str]:
        """Return what a version made of another one says too: all but what is about that step or that version alone."""
        said = {name: text for name, text in self.metadata(version).items() if name not in _OF_ONE_STEP}
        return {**said, "audit": ""}

    def _known(self, version: int | None) -> int:
        """Return a version that there is; None: the newest."""
        newest = self.version()
        if newest is None or version is not None:
            table_commits.open_version(self.place, version)
        return version if version is not None else int(newest or 0)
