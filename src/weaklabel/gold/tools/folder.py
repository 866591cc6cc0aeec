"""A watched folder: what is sent goes into `out/`, what comes back is found in `in/`; files that still grow are left."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from weaklabel.errors import OutputError, WeakLabelError
from weaklabel.fingerprint import file_digest
from weaklabel.gold.tools.files import READERS, tool_files
from weaklabel.gold.tools.writing import file_names

OUT, IN = "out", "in"
SUFFIXES = (*READERS, ".zip")
"""Endings of files of answers."""
GROWING = (".part", ".partial", ".tmp", ".temp", ".crdownload", ".download", ".filepart", ".swp")
"""Endings under which programs write files that are not whole yet."""
State = tuple[int, int]
"""Size and time of change of a file."""


@dataclass(frozen=True)
class Arrived:
    """A file that came back.

    Parameters
    ----------
    path
        Where it lies.
    digest
        Of its bytes.
    state
        Its size and time of change when it was looked at.

    Examples
    --------
    >>> Arrived(Path("in/ann.json"), "0" * 32, (2, 0)).path.name
    'ann.json'
    """

    path: Path
    digest: str
    state: State


@dataclass(frozen=True)
class Inbox:
    """What lies in `in/`.

    Parameters
    ----------
    ready
        Files to read, the oldest first.
    known
        Names of files that were read before.
    left
        Name -> why it is left for the next time.
    waiting
        Name -> size and time of change of the files that are left.
    faults
        Files that are broken and no longer grow.

    Examples
    --------
    >>> Inbox().ready
    ()
    """

    ready: tuple[Arrived, ...] = ()
    known: tuple[str, ...] = ()
    left: Mapping[str, str] | None = None
    waiting: Mapping[str, State] | None = None
    faults: tuple[WeakLabelError, ...] = ()


def inbox(
    folder: str | Path,
    *,
    known: Collection[str] = (),
    waiting: Mapping[str, State] | None = None,
    now: float,
    settle: float = 2.0,
) -> Inbox:
    """Return what lies in a folder's `in/`; nothing is moved or changed.

    A file is read when it has not changed for some seconds, or is as it was the last time, and is whole: JSON that
    ends, a ZIP that opens. One that is not whole is left once; if it is the same the next time it is a fault.

    Parameters
    ----------
    folder
        The watched folder.
    known
        Digests of what was read before. A file that has grown since is another one.
    waiting
        What the last look left.
    now
        Seconds since 1970.
    settle
        Seconds for which a file must not have changed.

    Raises
    ------
    OutputError
        The folder can't be read.

    Examples
    --------
    >>> import tempfile
    >>> home = Path(tempfile.mkdtemp())
    >>> (home / "in").mkdir()
    >>> written = (home / "in" / "ann.json").write_text('[{"id": 1')
    >>> first = inbox(home, now=0, settle=-1e12)
    >>> first.left
    {'ann.json': 'it is not whole yet'}
    >>> len(inbox(home, waiting=first.waiting, now=0, settle=-1e12).faults)
    1
    """
    ready: list[Arrived] = []
    seen: list[str] = []
    left: dict[str, str] = {}
    still: dict[str, State] = {}
    faults: list[WeakLabelError] = []
    for path in _files(Path(folder) / IN):
        name, state = path.name, _state(path)
        before = (waiting or {}).get(name)
        if state is None:
            continue
        if now - state[1] / 1e9 < settle and state != before:
            left[name], still[name] = "it is still written to", state
            continue
        digest = file_digest(path)
        if digest in known:
            seen.append(name)
            continue
        fault = _broken(path)
        if _state(path) != state:
            left[name] = "it is still written to"
        elif fault is None:
            ready.append(Arrived(path, digest, state))
        elif state == before:
            faults.append(fault)
            still[name] = state
        else:
            left[name], still[name] = "it is not whole yet", state
    ready.sort(key=lambda one: (one.state[1], one.path.name))
    return Inbox(tuple(ready), tuple(seen), left, still, tuple(faults))


def outbox(folder: str | Path, batch: str, number: int) -> Path:
    """Return the folder that a part of a batch is written to; the same part has the same folder.

    Parameters
    ----------
    folder
        The watched folder.
    batch
        The batch's id.
    number
        Number of the last record that the part holds.

    Examples
    --------
    >>> outbox("desk", "b 1", 42).as_posix()
    'desk/out/b-1-42'
    """
    return Path(folder) / OUT / f"{file_names([batch])[0]}-{number}"


def open_folder(folder: str | Path) -> Path:
    """Make `in/` and `out/` where they are not there.

    Raises
    ------
    OutputError
        They can't be made.

    Examples
    --------
    >>> import tempfile
    >>> home = open_folder(Path(tempfile.mkdtemp()) / "shared")
    >>> sorted(path.name for path in home.iterdir())
    ['in', 'out']
    """
    folder = Path(folder).absolute()
    try:
        for name in (OUT, IN):
            (folder / name).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(
            f"can't make the watched folder: {error.strerror or error}",
            where=str(folder),
            hint="name a folder that you may write into, or the address of a server with http:// or https://",
        ) from error
    return folder


def _files(folder: Path) -> list[Path]:
    try:
        inside = sorted(folder.iterdir())
    except OSError as error:
        raise OutputError(f"can't read: {error.strerror or error}", where=str(folder)) from error
    return [p for p in inside if not p.name.startswith((".", "~")) and _ours(p) and p.is_file()]


def _ours(path: Path) -> bool:
    return path.suffix.lower() in SUFFIXES and path.suffix.lower() not in GROWING


def _state(path: Path) -> State | None:
    try:
        found = path.stat()
    except OSError:  # taken away meanwhile
        return None
    return found.st_size, found.st_mtime_ns


def _broken(path: Path) -> WeakLabelError | None:
    """Return what is wrong with a file's form; None: it is whole."""
    try:
        for file in tool_files(path, SUFFIXES):
            READERS[file.suffix](file)
    except WeakLabelError as error:
        return error
    return None
