"""Files of the vote store on the disk: listing, reading, writing and removing them while others do so too."""

from __future__ import annotations

import contextlib
import os
import time
import uuid
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from weaklabel.errors import OutputError, VotesError
from weaklabel.fingerprint import fingerprint
from weaklabel.store.vote_file import Head, Written, head_end, pack, read_head, unpack

SUFFIX = ".votes"
_FIRST_BYTES = 1 << 14
_TOUCH_SECONDS = 3600
_ATTEMPTS = 10


@dataclass(frozen=True)
class Evicted:
    """What was removed: files (one that was rewritten with fewer columns counts too), bytes, and columns.

    Examples
    --------
    >>> Evicted(2, 2_500_000, 200).to_dict()
    {'files': 2, 'bytes': 2500000, 'columns': 200}
    """

    files: int = 0
    bytes: int = 0
    columns: int = 0

    def to_dict(self) -> dict[str, int]:
        """Return it as plain data."""
        return {"files": self.files, "bytes": self.bytes, "columns": self.columns}


class Stored(NamedTuple):
    """A file of the store as its folder lists it.

    Examples
    --------
    >>> Stored(Path("d1.votes"), size=120, mtime=1.7e9).size
    120
    """

    path: Path
    size: int
    mtime: float


def folders_in(folder: Path) -> list[Path]:
    """Return the folders in a folder, in order; none where there is no such folder.

    Examples
    --------
    >>> folders_in(Path("no such folder"))
    []
    """
    try:
        with os.scandir(folder) as entries:
            return sorted(Path(entry.path) for entry in entries if entry.is_dir())
    except OSError:
        return []


def files_in(folder: Path) -> list[Stored]:
    """Return the files of one shard, the newest first; none where there is no such folder.

    Examples
    --------
    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp()) / "d1"
    >>> write_file(folder / f"k1{SUFFIX}", b"content")
    >>> [(file.path.name, file.size) for file in files_in(folder)]
    [('k1.votes', 7)]
    """
    found = []
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.endswith(SUFFIX) and not entry.name.startswith("."):
                with contextlib.suppress(OSError):
                    status = entry.stat()
                    found.append(Stored(Path(entry.path), status.st_size, status.st_mtime))
    return sorted(found, key=lambda file: (-file.mtime, file.path))


def take(file: Stored, shard: str, keys: Collection[str]) -> tuple[dict[str, Written], dict[str, int]]:
    """Return the columns of a file that are wanted, and their faults; a file that is gone has none.

    Raises
    ------
    VotesError
        The file can't be read, or not be trusted.
    """
    try:
        with file.path.open("rb") as stream:
            first = _first_bytes(stream.read)
            head = read_head(first)
            if head.shard != shard:
                raise VotesError("it is of another shard")
            if not any(key in keys for key in head.keys):
                return {}, {}
            found = unpack(first + stream.read(), keys)
    except FileNotFoundError:
        return {}, {}
    except OSError as error:
        raise VotesError(f"it can't be read ({error.strerror})") from error
    _touch(file)
    return found, {
        column.key: column.faults for column in head.columns if column.key in found and column.faults
    }


def _first_bytes(read: Callable[[int], bytes]) -> bytes:
    """Return the first bytes of a file, its head among them."""
    first = read(_FIRST_BYTES)
    with contextlib.suppress(ValueError):
        first += read(max(0, head_end(first) - len(first)))
    return first


def heads(path: Path) -> list[Head]:
    """Return the head of a file, or nothing when it is gone or can't be read: that is found out when it is used.

    Examples
    --------
    >>> heads(Path("no such file"))
    []
    """
    try:
        with path.open("rb") as stream:
            return [read_head(_first_bytes(stream.read))]
    except (OSError, VotesError):
        return []


def keys_of(path: Path) -> tuple[str, ...]:
    """Return the keys of the columns of a file, by its head."""
    return tuple(key for head in heads(path) for key in head.keys)


def _touch(file: Stored) -> None:
    """Note that a file was used, at most once an hour."""
    if time.time() - file.mtime > _TOUCH_SECONDS:
        with contextlib.suppress(OSError):
            os.utime(file.path)


def distrusted(path: Path, why: str) -> str:
    """Remove a file that can't be trusted, and return the sentence that says so.

    Examples
    --------
    >>> distrusted(Path("d1.votes"), "its head is damaged")
    'kept votes could not be trusted and were removed: d1.votes: its head is damaged; they are computed again'
    """
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        return f"kept votes can't be trusted, nor removed ({error.strerror}): {path}: {why}; they are computed again"
    return f"kept votes could not be trusted and were removed: {path}: {why}; they are computed again"


def write_file(path: Path, content: bytes) -> None:
    """Write a file under another name and rename it; its digest tells when the disk lost some of it.

    Raises
    ------
    OutputError
        It can't be written; nothing half-written is left.
    """
    temporary = path.with_name(f".{path.stem}-{uuid.uuid4().hex}.tmp")
    try:
        for attempt in range(_ATTEMPTS):
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
                temporary.write_bytes(content)
                temporary.replace(path)
                return
            except (
                FileNotFoundError,
                FileExistsError,
            ):  # another process found a folder empty and removed it
                if attempt == _ATTEMPTS - 1:
                    raise
    except OSError as error:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise OutputError(
            f"can't keep votes: {error.strerror or error}",
            where=str(path),
            hint="check free space and permissions (`weaklabel cache prune --to 1GB` frees some); "
            "nothing half-written was left",
        ) from error


def remove_files(files: Iterable[Stored]) -> Evicted:
    """Remove files and folders that are then empty, and say what was removed; others may have done some of it.

    Raises
    ------
    OutputError
        A file can't be removed.
    """
    done = []
    for file in files:
        columns = len(keys_of(file.path))
        try:
            file.path.unlink()
        except FileNotFoundError:
            continue
        except OSError as error:
            raise OutputError(f"can't remove kept votes: {error.strerror}", where=str(file.path)) from error
        done.append(Evicted(1, file.size, columns))
        for folder in (file.path.parent, file.path.parent.parent):
            with contextlib.suppress(OSError):
                folder.rmdir()
    return total(done)


def without(file: Stored, keys: frozenset[str]) -> Evicted:
    """Write a file anew without some columns; a file that is left without any, or is damaged, is removed."""
    gone = [key for key in keys_of(file.path) if key in keys]
    if not gone:
        return Evicted()
    try:
        content = file.path.read_bytes()
        head = read_head(content)
        kept = unpack(content, frozenset(head.keys) - keys)
    except FileNotFoundError:
        return Evicted()
    except (OSError, VotesError):
        return remove_files([file])
    if not kept:
        return remove_files([file])
    rest = pack(head.shard, kept, {column.key: column.faults for column in head.columns})
    path = file.path.with_name(f"{fingerprint(sorted(kept))}{SUFFIX}")
    write_file(path, rest)
    with contextlib.suppress(OSError):
        os.utime(path, (file.mtime, file.mtime))
    remove_files([file])
    return Evicted(1, max(0, file.size - len(rest)), len(gone))


def total(done: Iterable[Evicted]) -> Evicted:
    """Return what was removed in all.

    Examples
    --------
    >>> total([Evicted(1, 20, 2), Evicted(1, 5, 1)])
    Evicted(files=2, bytes=25, columns=3)
    """
    done = list(done)
    return Evicted(sum(e.files for e in done), sum(e.bytes for e in done), sum(e.columns for e in done))
