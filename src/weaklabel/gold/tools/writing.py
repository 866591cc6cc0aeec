"""Writing for a tool: names that are free, JSON that no reader breaks, a folder that is whole or not there."""

from __future__ import annotations

import json
import math
import os
import re
import shutil
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from weaklabel.errors import OutputError

_BREAKS = {ord(c): f"\\u{ord(c):04x}" for c in "\u0085\u2028\u2029"}


@dataclass(frozen=True)
class ToolFiles:
    """Files that were written for a tool.

    Parameters
    ----------
    folder
        Where they lie.
    files
        Names in it: one of items, or one per annotator; the tool's settings; a README.md.
    notes
        What to know about them, in sentences.

    Examples
    --------
    >>> ToolFiles(Path("out"), ("items.jsonl", "README.md")).paths[0].as_posix()
    'out/items.jsonl'
    """

    folder: Path
    files: tuple[str, ...]
    notes: tuple[str, ...] = ()

    @property
    def paths(self) -> tuple[Path, ...]:
        """The files with their folder."""
        return tuple(self.folder / name for name in self.files)


def write_folder(folder: str | Path, texts: Mapping[str, str], notes: Sequence[str] = ()) -> ToolFiles:
    """Write files of text into a new folder: all of them, or none.

    Raises
    ------
    OutputError
        The folder holds something already, or can't be written.

    Examples
    --------
    >>> with tempfile.TemporaryDirectory() as home:
    ...     files = write_folder(Path(home) / "out", {"a.txt": "hello"}).files
    >>> files
    ('a.txt',)
    """
    folder = Path(folder)
    building: Path | None = None
    try:
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise OutputError(
                "the folder for the tool's files is not empty" if folder.is_dir() else "a file is in the way",
                where=str(folder),
                hint="name a new folder: answers that lie in one are never overwritten",
            )
        folder.parent.mkdir(parents=True, exist_ok=True)
        building = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
        whole = building / "whole"
        whole.mkdir()
        for name, text in texts.items():
            with (whole / name).open("w", encoding="utf-8", newline="") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
        whole.replace(folder)
    except OSError as error:
        raise OutputError(
            f"can't write: {error.strerror or error}",
            where=str(folder),
            hint="check free space and permissions; nothing half-written was left",
        ) from error
    finally:
        if building is not None:
            shutil.rmtree(building, ignore_errors=True)
    return ToolFiles(folder, tuple(texts), tuple(notes))


def file_names(names: Iterable[str]) -> list[str]:
    """Return a file name for each of several names: plain characters, none twice, not even in other case.

    Examples
    --------
    >>> file_names(["Anna", "anna", "a/b@c.de", "…"])
    ['Anna', 'anna-2', 'a-b-c.de', 'annotator']
    """
    taken: set[str] = set()
    result = []
    for name in names:
        stem = re.sub(r"[^\w.]+", "-", name, flags=re.ASCII).strip("-.")[:60] or "annotator"
        number, free = 1, stem
        while free.casefold() in taken:
            number += 1
            free = f"{stem}-{number}"
        taken.add(free.casefold())
        result.append(free)
    return result


def free_names(fields: Mapping[str, Any], reserved: Iterable[str]) -> dict[str, Any]:
    """Return fields under names that are not reserved: underscores are added where one is.

    Examples
    --------
    >>> free_names({"text": 1, "text_": 2, "order": 3}, ["id", "text"])
    {'text__': 1, 'text_': 2, 'order': 3}
    """
    taken = {*reserved, *fields}
    result = {}
    for name, value in fields.items():
        free = name
        while free in reserved or (free != name and free in taken):
            free += "_"
        taken.add(free)
        result[free] = value
    return result


def plain(value: Any) -> Any:
    """Return a cell of a frame as JSON knows it: text, number, true or false, null, lists and objects of these.

    Examples
    --------
    >>> import datetime
    >>> plain([1, float("nan"), datetime.date(2026, 1, 2), {"a": None}])
    [1, None, '2026-01-02', {'a': None}]
    """
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): plain(each) for key, each in value.items()}
    if isinstance(value, (list, tuple, pl.Series)):
        return [plain(each) for each in value]
    return value.isoformat() if hasattr(value, "isoformat") else str(value)


def json_line(data: Any) -> str:
    """Return JSON on one line that no reader breaks: line separators within texts are escaped.

    Examples
    --------
    >>> json_line({"text": "a\\u2028b é"})
    '{"text": "a\\\\u2028b é"}'
    """
    return json.dumps(data, ensure_ascii=False, allow_nan=False).translate(_BREAKS)


def json_lines(rows: Iterable[Any]) -> str:
    """Return JSON Lines.

    Examples
    --------
    >>> json_lines([{"a": 1}, {"a": 2}])
    '{"a": 1}\\n{"a": 2}\\n'
    """
    return "".join(json_line(row) + "\n" for row in rows)
