"""Compiled scans on disk: plain arrays, one file for each set of rules, found by what they were made from."""

from __future__ import annotations

import functools
import logging
import os
import platform
import unicodedata
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from weaklabel.apply import characters
from weaklabel.apply.assembly import Compiled
from weaklabel.apply.parts import ScanRule
from weaklabel.fingerprint import file_digest, fingerprint
from weaklabel.kernels import tables
from weaklabel.lf.outcomes import all_labels, vote_code
from weaklabel.schema import LabelSchema

logger = logging.getLogger("weaklabel.apply")

_MOST_FILES, _MOST_TABLES = 32, 4
_PARTS = {
    "automaton": tables.Automaton,
    "patterns": tables.Patterns,
    "machines": tables.Machines,
    "owners": tables.Owners,
}
_REST = ("searches", "codes", "taken")
_MADE_BY = ("apply/*.py", "kernels/*.py", "lf/keywords.py", "lf/lookup.py", "lf/outcomes.py", "lf/regex.py")


def scan_path(folder: Path, rules: Sequence[ScanRule], schema: LabelSchema, most_bytes: int) -> Path:
    """Return where the compiled scan of some rules stands.

    The name covers the rules, their labels' codes, this package's code, and the Python whose `re` and character tables decide.
    """
    votes = [
        [rule.fingerprint, [vote_code(rule, label, schema) for label in all_labels(rule)]] for rule in rules
    ]
    return folder / f"scan-{fingerprint([votes, most_bytes, *_here()])}.npz"


@functools.lru_cache(maxsize=4)
def kept_characters(folder: Path) -> characters.Known:
    """Return what is known of characters, kept in a folder: making it takes as long as loading many rules."""
    path = folder / f"characters-{fingerprint(_here())}.npz"
    kept = _read(path)
    if kept is not None and set(kept) == set(characters.Known._fields):
        return characters.Known(**kept)
    made = characters.known()
    _write(path, made._asdict())
    return made


def _here() -> list[object]:
    """Return what decides compiled rules beside the rules: this package's code and this Python."""
    return [
        _code(),
        platform.python_implementation(),
        platform.python_version(),
        unicodedata.unidata_version,
        np.dtype(np.intp).str,
    ]


@functools.cache
def _code() -> tuple[str, ...]:
    """Return the digests of the modules that make scans."""
    package = Path(__file__).parents[1]
    return tuple(file_digest(path) for pattern in _MADE_BY for path in sorted(package.glob(pattern)))


def read_scan(path: Path) -> Compiled | None:
    """Return a compiled scan; None, with a warning in the log where it is damaged, if there is none to be had."""
    arrays = _read(path)
    if arrays is None:
        return None
    try:
        made = {name: _part(name, arrays) for name in _PARTS}
        rest: dict[str, Any] = {name: arrays[name] for name in _REST}
        return Compiled(**made, **rest)
    except (ValueError, KeyError) as error:
        _unread(path, error)
        return None


def _read(path: Path) -> dict[str, np.ndarray] | None:
    try:
        with np.load(path, allow_pickle=False) as file:
            return {name: file[name] for name in file.files}
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        _unread(path, error)
        return None


def _unread(path: Path, error: Exception) -> None:
    logger.warning("rules are compiled anew: can't read %s: %s", path, error)


def _part(name: str, arrays: dict[str, np.ndarray]) -> Any:
    values: dict[str, Any] = {field: arrays[f"{name}.{field}"] for field in _PARTS[name]._fields}  # type: ignore[attr-defined]
    if "width" in values:
        values["width"] = int(values["width"])
    return _PARTS[name](**values)


def write_scan(path: Path, compiled: Compiled) -> None:
    """Keep a compiled scan; where that can't be done, it is said in the log. The oldest files make room."""
    arrays = {
        f"{name}.{field}": value
        for name in _PARTS
        for field, value in getattr(compiled, name)._asdict().items()
    }
    arrays |= {name: getattr(compiled, name) for name in _REST}
    _write(path, arrays)


def _write(path: Path, arrays: Mapping[str, np.ndarray]) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(f".{path.stem}-{os.getpid()}.part")
        try:
            with part.open("wb") as file:
                np.savez(file, **arrays)  # type: ignore[arg-type]
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)
        _make_room(path.parent)
    except OSError as error:
        logger.warning("compiled rules can't be kept: %s", error)


def _make_room(folder: Path) -> None:
    def age(path: Path) -> float:
        try:
            return path.stat().st_mtime
        except FileNotFoundError:
            return 0.0

    for kind, most in (("scan", _MOST_FILES), ("characters", _MOST_TABLES)):
        for old in sorted(folder.glob(f"{kind}-*.npz"), key=age)[:-most]:
            old.unlink(missing_ok=True)
