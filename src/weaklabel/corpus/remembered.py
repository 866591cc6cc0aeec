"""What looking through large text files found, remembered until one of them changes: they are read whole for it."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Callable, Mapping, MutableMapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import polars as pl

from weaklabel.corpus.files import SourceFile
from weaklabel.corpus.tables import Part, Piece, Reading, Schema, Table
from weaklabel.fingerprint import fingerprint

LEAST = 8 << 20
"""Bytes of files from which on it is worth remembering."""

_FORM = 1


def remembered(
    files: Sequence[SourceFile],
    reading: Reading,
    looks: MutableMapping[str, str],
    look: Callable[[], Table],
) -> Table:
    """Return what files hold: as it was found before, where none has changed in size, time or ETag since, else looked at anew.

    Parameters
    ----------
    files, reading
        The files, and how they are read.
    looks
        Remembers, in strings, so that the mapping can be kept as JSON.
    look
        Looks through the files.

    Examples
    --------
    >>> from pathlib import Path
    >>> from dataclasses import replace
    >>> file = SourceFile(Path("/data/a.csv"), "a.csv", LEAST, 1)
    >>> table = Table({"id": pl.String()}, (Part(file, 1, ("id",), (Piece(3, 5, 0, 1),)),))
    >>> looks = {}
    >>> remembered([file], Reading("csv"), looks, lambda: table) == table
    True
    >>> remembered([file], Reading("csv"), looks, lambda: Table({}, ())) == table
    True
    >>> remembered([replace(file, mtime_ns=2)], Reading("csv"), looks, lambda: Table({}, ())).parts
    ()
    """
    if sum(file.size for file in files) < LEAST:
        return look()
    key = _key(files, reading)
    state = fingerprint([[file.size, file.mark] for file in files])
    known = _told(looks.get(key, ""))
    found = _table(known, files) if known.get("state") == state else None
    if found is not None:
        return found
    table = look()
    looks[key] = json.dumps({"state": state, **_plain(table, files)}, separators=(",", ":"))
    return table


def _key(files: Sequence[SourceFile], reading: Reading) -> str:
    how = [reading.format, reading.quote, sorted(reading.text_columns), reading.separator]
    return f"look|{fingerprint([_FORM, _version(), how, [str(file.path) for file in files]])}"


def _version() -> str:
    """Return the version of this package: another may see other types in the same files."""
    try:
        return version("weaklabel")
    except PackageNotFoundError:
        return ""


def _told(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text or "{}")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _plain(table: Table, files: Sequence[SourceFile]) -> dict[str, Any]:
    numbers = {file.name: i for i, file in enumerate(files)}
    headers: dict[tuple[str, ...], int] = {}
    parts = []
    for part in table.parts:
        header = headers.setdefault(part.header, len(headers))
        pieces = [[p.start, p.stop, p.first_row, p.rows] for p in part.pieces]
        parts.append([numbers[part.file.name], part.rows, header, part.plain, pieces])
    return {"schema": _schema_text(table.schema), "headers": list(headers), "parts": parts}


def _table(told: Mapping[str, Any], files: Sequence[SourceFile]) -> Table | None:
    """Return the table that was told of; None where that can't be read."""
    try:
        headers = [tuple(header) for header in told["headers"]]
        parts = tuple(
            Part(files[number], rows, headers[header], tuple(Piece(*piece) for piece in pieces), plain)
            for number, rows, header, plain, pieces in told["parts"]
        )
        return Table(_schema(told["schema"]), parts)
    except (KeyError, IndexError, TypeError, ValueError, pl.exceptions.PolarsError, OSError):
        return None


def _schema_text(schema: Schema) -> str:
    file = io.BytesIO()
    pl.DataFrame(schema=schema).write_ipc(file)
    return base64.b64encode(file.getvalue()).decode()


def _schema(text: str) -> Schema:
    return dict(pl.read_ipc(io.BytesIO(base64.b64decode(text))).schema)
