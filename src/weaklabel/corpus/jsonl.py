"""JSONL (NDJSON): one object a line; blank lines are no records; a key that a line leaves out is null.

Opening reads every line once, so that types hold for all files and a bad line is named. Lines are then read by
Polars; a file with NaN or Infinity, which Polars refuses, goes through Python.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import polars as pl

from weaklabel.corpus import tables
from weaklabel.corpus.columns import Columns, Decoder
from weaklabel.corpus.files import SourceFile
from weaklabel.corpus.json_types import frame_of, is_special
from weaklabel.corpus.tables import Part, Piece, Reading, Table
from weaklabel.errors import CorpusError

_BLANK = " \t\r"


def inspect(files: Sequence[SourceFile], reading: Reading) -> Table:
    """Look through every line: syntax, keys, types."""
    columns = Columns(reading.text_columns)
    parts = [_look_through(file, columns) for file in files]
    parts = [part for part in parts if part.rows]
    _check_keys(parts)
    _check_text_columns(parts, reading)
    return Table(columns.schema, tuple(parts))


def cut(part: Part, reading: Reading, target_rows: int, target_bytes: int) -> tuple[Piece, ...]:
    """Cut a file into runs of bytes that end at a line."""
    found = [(offset + stop) for offset, _, _, stop in _records(part.file)]
    return tables.pieces_of(_first(part.file), np.array(found, np.int64), target_rows, target_bytes)


def read(table: Table, part: Part, piece: Piece, reading: Reading, columns: Sequence[str]) -> pl.DataFrame:
    """Read the columns of one shard."""
    raw = tables.read_range(part.file.path, piece.start, piece.stop)
    schema = tables.only(table.schema, columns)
    if not columns:
        return pl.DataFrame(height=piece.rows)
    frame = _slowly(raw, part, schema) if not part.plain else _fast(raw, part, piece, schema)
    if frame.height != piece.rows:
        raise tables.broken(part, piece, ValueError(f"{frame.height} rows where {piece.rows} were expected"))
    return frame


def locate(part: Part, reading: Reading, row: int) -> str:
    """Return file and line of a row."""
    for i, (_, line, _, _) in enumerate(_records(part.file)):
        if i == row:
            return f"{part.file.path}:{line}"
    return tables.place(part, row)


def _fast(raw: bytes, part: Part, piece: Piece, schema: tables.Schema) -> pl.DataFrame:
    try:
        return pl.read_ndjson(io.BytesIO(raw), schema=schema)
    except pl.exceptions.PolarsError as error:
        raise tables.broken(part, piece, error) from error


def _slowly(raw: bytes, part: Part, schema: tables.Schema) -> pl.DataFrame:
    decoder = Decoder()
    lines = (line for line in raw.decode().split("\n") if line.strip(_BLANK))
    return frame_of([decoder.decode(line, str(part.file.path)) for line in lines], schema)


def _records(file: SourceFile) -> Iterator[tuple[int, int, str, int]]:
    """Yield, of each line that is not blank: offset of its block, line, text, where it ends in the block."""
    for offset, first_line, chunk, ends in tables.walk(file, _ends_of_lines):
        lines = chunk.decode().split("\n")
        for i, (text, end) in enumerate(zip(lines, ends.tolist(), strict=False)):
            if text.strip(_BLANK):
                yield offset, first_line + i, text, end


def _ends_of_lines(buffer: bytes, line: int, last: bool) -> tuple[int, np.ndarray]:
    ends = np.flatnonzero(np.frombuffer(buffer, np.uint8) == 10) + 1
    if last and len(buffer) > (ends[-1] if len(ends) else 0):
        ends = np.append(ends, len(buffer))
    return (int(ends[-1]) if len(ends) else 0), ends


def _look_through(file: SourceFile, columns: Columns) -> Part:
    decoder, plain = Decoder(), True
    own: dict[str, None] = {}
    ends: list[int] = []
    for offset, line, text, end in _records(file):
        where = f"{file.path}:{line}"
        if not ends and text.strip() in ("{", "["):
            hint = "this is one JSON document over many lines; write its objects one a line"
            raise CorpusError("a line that is no whole JSON object", where=where, hint=hint)
        row = decoder.decode(text, where)
        if not isinstance(row, dict):
            raise _no_object(row, text, where)
        columns.add(row, where)
        own.update(dict.fromkeys(row))
        ends.append(offset + end)
        plain = plain and not is_special(row)
    first = _first(file)
    pieces = tables.pieces_of(first, np.array(ends, np.int64), tables.TARGET_ROWS, tables.TARGET_BYTES)
    return Part(file, len(ends), tuple(own), pieces, plain=plain)


def _first(file: SourceFile) -> int:
    mark = tables.read_range(file.path, 0, len(tables.BOM))
    return len(tables.BOM) if mark == tables.BOM else 0


def _no_object(value: Any, text: str, where: str) -> CorpusError:
    hint = 'a line is an object: {"id": "1", "text": "hello"}'
    if isinstance(value, list):
        hint = "this is a JSON list; write its objects one a line"
    start = text.strip()[:30]
    return CorpusError(f"a line that is no JSON object: {start!r}", where=where, hint=hint)


def _check_keys(parts: Sequence[Part]) -> None:
    """A file may leave columns out; two that each have a column of their own are of two kinds."""
    widest = max(parts, key=lambda part: len(part.header), default=None)
    for part in parts:
        if widest is not None and not set(part.header) <= set(widest.header):
            tables.check_headers([widest, part])


def _check_text_columns(parts: Sequence[Part], reading: Reading) -> None:
    known = {name for part in parts for name in part.header}
    for part in parts:
        for name in sorted(reading.text_columns & known - set(part.header)):
            raise CorpusError(
                f"column {name!r} stands in other files but not in {part.file.name}",
                where=str(part.file.path),
                available=part.header,
            )
