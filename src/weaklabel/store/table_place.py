"""Where a table lies: a folder or an object store, with the few things that are done to its files."""

from __future__ import annotations

import os
import re
import shutil
import uuid
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from weaklabel.errors import OutputError, WeakLabelError
from weaklabel.storage import is_url, native_options

LOG = "_delta_log"


class TableError(WeakLabelError):
    """A table isn't there, lacks a version or a file, or is asked for something that it can't do."""


class ConflictError(TableError):
    """Somebody else has written a version of a table since it was looked at."""


@dataclass(frozen=True)
class Held:
    """One file of a table's folder.

    Parameters
    ----------
    bytes
        Its size.
    time
        When it was last written, in seconds since 1970.

    Examples
    --------
    >>> Held(10, 0.0).bytes
    10
    """

    bytes: int
    time: float


@dataclass(frozen=True)
class Place:
    """A table's folder, or its URL in an object store.

    Parameters
    ----------
    root
        A folder, or a URL such as s3://bucket/labels.
    storage
        How the object store is spoken to; credentials come from the environment alone.

    Examples
    --------
    >>> Place("/data/labels").url("ab/part-00000.parquet"), Place("s3://data/labels/").url("x.parquet")
    ('/data/labels/ab/part-00000.parquet', 's3://data/labels/x.parquet')
    """

    root: str
    storage: Mapping[str, str] = field(default_factory=dict)

    @property
    def remote(self) -> bool:
        """Whether it is a URL."""
        return is_url(self.root)

    @property
    def options(self) -> dict[str, str] | None:
        """What Polars and deltalake are given."""
        return native_options(self.root, self.storage)

    def url(self, relative: str) -> str:
        """Return the whole name of a file."""
        return f"{self.root.rstrip('/')}/{relative}"

    def relative(self, url: str) -> str:
        """Return the name of a file within the table."""
        return url.removeprefix(self.root.rstrip("/")).lstrip("/")

    def read(self, relative: str) -> bytes | None:
        """Return a file's bytes; None: it isn't there."""
        try:
            if not self.remote:
                return Path(self.url(relative)).read_bytes()
            with self._handler().open_input_stream(relative) as stream:
                return bytes(stream.read())
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise TableError(f"can't read: {_said(error)}", where=self.url(relative)) from error

    def write(self, relative: str, data: bytes) -> None:
        """Write a file, whole or not at all, in place of one that may be there."""
        with writing(self.url(relative)):
            if self.remote:
                # Through pyarrow's stream deltalake is handed buffers, which it doesn't take.
                stream = self._handler()._handler.open_output_stream(relative)
                stream.write(data)
                stream.close()
                return
            path = Path(self.url(relative))
            path.parent.mkdir(parents=True, exist_ok=True)
            temporary = _beside(path)
            try:
                with temporary.open("wb") as file:
                    file.write(data)
                    file.flush()
                    os.fsync(file.fileno())
                temporary.replace(path)
            finally:
                temporary.unlink(missing_ok=True)
            _sync_folder(path.parent)

    def link(self, old: str, new: str) -> None:
        """Give a file a second name: a hard link where the file system has them, else a copy."""
        with writing(self.url(new)):
            if self.remote:
                self.write(new, self.read(old) or b"")
                return
            source, path = Path(self.url(old)), Path(self.url(new))
            path.parent.mkdir(parents=True, exist_ok=True)
            temporary = _beside(path)
            try:
                try:
                    os.link(source, temporary)
                except FileNotFoundError:
                    raise
                except OSError:
                    shutil.copyfile(source, temporary)
                    _sync_folder(temporary)
                # Where both are names of one file already, nothing is renamed and the temporary name stays.
                temporary.replace(path)
            finally:
                temporary.unlink(missing_ok=True)
            _sync_folder(path.parent)

    def delete(self, names: Iterable[str]) -> None:
        """Delete files; those that are gone already don't matter. Folders that become empty go with them."""
        folders = set()
        for name in names:
            with writing(self.url(name)):
                try:
                    if self.remote:
                        self._handler().delete_file(name)
                    else:
                        Path(self.url(name)).unlink()
                        folders.add(Path(self.url(name)).parent)
                except FileNotFoundError:
                    continue
        for folder in folders - {Path(self.root)}:
            try:
                folder.rmdir()
            except OSError:  # something else is in it
                continue

    def files(self, under: str = "") -> dict[str, Held]:
        """Return the files that lie there, by name; nothing where there is no such folder."""
        return dict(self._listed(under))

    def _listed(self, under: str) -> Iterator[tuple[str, Held]]:
        if self.remote:
            import pyarrow.fs

            chosen = pyarrow.fs.FileSelector(under, allow_not_found=True, recursive=True)
            try:
                found = pyarrow.fs.PyFileSystem(self._handler()).get_file_info(chosen)
            except OSError as error:
                raise TableError(f"can't look at the table: {_said(error)}", where=self.root) from error
            for info in found:
                if info.type == pyarrow.fs.FileType.File:
                    time = 0.0 if info.mtime is None else info.mtime.timestamp()
                    yield info.path, Held(info.size, time)
            return
        base = Path(self.root)
        for path in sorted((base / under).rglob("*")):
            try:
                stat = path.stat()
            except FileNotFoundError:  # another process has just removed or renamed it
                continue
            if path.is_file():
                yield path.relative_to(base).as_posix(), Held(stat.st_size, stat.st_mtime)

    def _handler(self) -> Any:
        from deltalake.fs import DeltaStorageHandler

        return DeltaStorageHandler(self.root, self.options)


def place_of(root: str | Path, storage: Mapping[str, str] | None = None) -> Place:
    """Return the place of a table: a path is made absolute, a URL stays.

    Examples
    --------
    >>> place_of("s3://data/labels").root
    's3://data/labels'
    """
    text = str(root)
    return Place(text.rstrip("/") if is_url(text) else str(Path(text).absolute()), dict(storage or {}))


@contextmanager
def writing(where: str) -> Iterator[None]:
    """Turn what goes wrong while a file is written into an OutputError."""
    try:
        yield
    except OSError as error:
        raise OutputError(
            f"can't write: {_said(error)}",
            where=where,
            hint="check free space and permissions; nothing half-written was left",
        ) from error


def _said(error: OSError) -> str:
    """Return what an error says, on one line and without the colours of deltalake's messages."""
    return error.strerror or " ".join(re.sub(r"\x1b\[\d+m|↳", "", str(error)).split())


def _beside(path: Path) -> Path:
    return path.with_name(f".{path.name}.{uuid.uuid4().hex[:12]}.tmp")


def _sync_folder(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
