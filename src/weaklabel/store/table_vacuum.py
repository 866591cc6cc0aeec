"""Deleting data files that are not needed any more, and what stands in the log about erased rows."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import polars as pl

from weaklabel.errors import some
from weaklabel.store.table_changes import holding as files_holding
from weaklabel.store.table_commits import COMMIT, files_of, latest, open_version
from weaklabel.store.table_place import LOG, Held, Place, TableError

_HOUR = 3600.0


@dataclass(frozen=True)
class Logged:
    """A version as its log tells: number, time in seconds since 1970, and the data files it names.

    Examples
    --------
    >>> Logged(0, 0.0, frozenset({"ab/part-00000.parquet"})).version
    0
    """

    version: int
    time: float
    files: frozenset[str]


def replay(place: Place) -> Iterator[Logged]:
    """Give the versions of a table that its log still tells of, oldest first, with the data files of each."""
    names = sorted(name for name in place.files(LOG) if COMMIT.fullmatch(name))
    held: set[str] = set()
    for i, name in enumerate(names):
        version, moment = int(name[-25:-5]), 0.0
        shortened = i == 0 and version > 0  # by another tool: what came before is not known one by one
        if shortened:
            held = set(files_of(place, version, key="id"))
        for action in map(json.loads, (place.read(name) or b"").splitlines()):
            if "commitInfo" in action:
                moment = action["commitInfo"].get("timestamp", 0) / 1000
            elif "add" in action and not shortened:
                held.add(unquote(action["add"]["path"]))
            elif "remove" in action and not shortened:
                held.discard(unquote(action["remove"]["path"]))
        yield Logged(version, moment, frozenset(held))


def vacuum(place: Place, *, hours: float, dry_run: bool, standing: Collection[str]) -> list[str]:
    """Delete what no version of the last hours names (see `LabelTable.vacuum`)."""
    if not hours >= 0:
        raise TableError(f"{hours:g} hours: 0 or more are wanted")
    now, newest = time.time(), open_version(place).version()
    versions = list(replay(place))
    keep = named = set(files_of(place, newest, key="id"))
    for one, following in zip(versions, [*versions[1:], None], strict=True):
        named = named | one.files
        if following is None or following.time > now - hours * _HOUR:
            keep = keep | one.files
    there = {name: held for name, held in place.files().items() if not name.startswith(LOG)}
    loose = {name: held for name, held in there.items() if name not in named}
    old = _left_over(loose, now - max(hours, 1.0) * _HOUR, standing)
    gone = sorted({name for name in there if name in named and name not in keep} | old)
    if not dry_run:
        place.delete(gone)
    return gone


def refuse_missing(place: Place, files: Mapping[str, Any]) -> None:
    """Raise a TableError when data files that a commit would name are not there.

    Raises
    ------
    TableError
        With the names of some.
    """
    missing = _missing(place, files)
    if missing:
        what = f"{len(missing)} of {len(files)} data files are not there: {some(missing)}"
        raise TableError(what, where=place.root, hint="give the same command again: it writes them")


def refuse_vacuumed(place: Place, version: int, files: Mapping[str, Any]) -> None:
    """Raise a TableError when data files of a version were deleted.

    Raises
    ------
    TableError
        With the versions that can be read.
    """
    newest = latest(place)
    if place.remote and version == newest:
        return
    missing = _missing(place, files)
    if not missing:
        return
    whole = sorted(readable(place, ()))
    what = f"version {version} can't be read any more: {len(missing)} of its {len(files)} data files were deleted"
    hint = "weaklabel labels vacuum and erasing delete what older versions held"
    raise TableError(what, where=place.root, available=whole, hint=hint)


def readable(place: Place, without: Collection[str]) -> frozenset[int]:
    """Return the versions whose data files are all there, but for those that are thought away."""
    there = place.files().keys() - set(without)
    return frozenset(one.version for one in replay(place) if one.files <= there)


def holding(place: Place, ids: list[str]) -> list[str]:
    """Return the names of all data files below a table that hold one of the ids."""
    found = []
    for name in place.files():
        if name.endswith(".parquet") and not name.startswith(LOG) and not _hidden(name):
            with contextlib.suppress(pl.exceptions.PolarsError, OSError):  # not one of ours
                found += files_holding(place, [name], ids)
    return found


def forget(place: Place, ids: list[str], *, keep: Collection[str]) -> None:
    """Delete files that hold some ids, but for those to keep, and take the ids out of the log's statistics."""
    before = time.time() - _HOUR
    broken_off = [name for name, held in place.files().items() if _hidden(name) and held.time < before]
    place.delete([*(name for name in holding(place, ids) if name not in keep), *broken_off])
    wanted = set(ids)
    for name in sorted(place.files(LOG)):
        if COMMIT.fullmatch(name):
            data = place.read(name) or b""
            clean = b"".join(_without(line, wanted) for line in data.splitlines(keepends=True))
            if clean != data:
                place.write(name, clean)
    _new_checkpoints(place)


def _hidden(name: str) -> bool:
    """Return whether a name is one under which a file is written before it takes its place."""
    return name.rpartition("/")[2].startswith(".")


def _new_checkpoints(place: Place) -> None:
    """Replace checkpoints: their statistics may name erased ids, and they are made from the log again."""
    old = [name for name in place.files(LOG) if name.endswith((".checkpoint.parquet", "_last_checkpoint"))]
    if old:
        place.delete(sorted(old, reverse=True))
        open_version(place).create_checkpoint()


def _without(line: bytes, ids: set[str]) -> bytes:
    """Return a line of the log whose statistics don't name the ids; another line as it is."""
    if not line.startswith(b'{"add"'):
        return line
    action = json.loads(line)
    stats = json.loads(action["add"].get("stats") or "{}")
    ends = {stats.get(name, {}).get("id") for name in ("minValues", "maxValues")}
    if not ends & ids:
        return line
    action["add"]["stats"] = json.dumps({"numRecords": stats["numRecords"]})
    return json.dumps(action, ensure_ascii=False).encode() + (b"\n" if line.endswith(b"\n") else b"")


def _left_over(loose: Mapping[str, Held], before: float, standing: Collection[str]) -> set[str]:
    """Return files that no version names, of folders in which nothing was written since a moment."""
    newest: dict[str, float] = {}
    for name, held in loose.items():
        folder = name.rpartition("/")[0]
        newest[folder] = max(newest.get(folder, 0.0), held.time)
    return {
        name
        for name in loose
        if newest[name.rpartition("/")[0]] < before and name.partition("/")[0] not in standing
    }


def _missing(place: Place, files: Mapping[str, Any]) -> list[str]:
    if not files:
        return []
    if not place.remote:
        return sorted(name for name in files if not Path(place.url(name)).is_file())
    there = place.files()
    return sorted(name for name in files if name not in there)
