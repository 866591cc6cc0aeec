"""CSV and TSV: where records begin and end, which types the columns have, and reading a run of bytes.

A record ends at a newline outside quotes; blank lines are no records. A column is a whole number, a number or a
truth value only when every value of every file is; a whole number that would print otherwise (leading zero, plus
sign, more than 64 bits) makes its column text, so that nothing is lost.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from weaklabel.corpus import tables
from weaklabel.corpus.files import SourceFile
from weaklabel.corpus.separators import title
from weaklabel.corpus.tables import Part, Piece, Reading, Schema, Table
from weaklabel.errors import CorpusError

_NEWLINE, _RETURN = 10, 13
_FLOAT = r"^-?(0|[1-9]\d*)?(\.\d*([eE][+-]?\d+)?|[eE][+-]?\d+)$"
_FLOAT_WORD = r"(?i)^([+-]?inf|[+-]?infinity|nan)$"
_KINDS: tuple[tuple[str, pl.DataType], ...] = (
    ("boolean", pl.Boolean()),
    ("integer", pl.Int64()),
    ("float", pl.Float64()),
)


@dataclass(frozen=True)
class _Records:
    """Where the records of a block lie, blank lines left out."""

    starts: np.ndarray
    ends: np.ndarray
    fields: np.ndarray
    lines: np.ndarray
    blanks: int


def inspect(files: Sequence[SourceFile], reading: Reading) -> Table:
    """Look through the files: one pass for records, one for types."""
    parts = [part for part in (_look_through(file, reading) for file in files) if part.header]
    tables.check_headers(parts)
    if not parts:
        return Table({}, ())
    return Table(_types(parts, reading), tuple(part for part in parts if part.rows))


def cut(part: Part, reading: Reading, target_rows: int, target_bytes: int) -> tuple[Piece, ...]:
    """Cut a file into runs of bytes that end at a record."""
    _, first, ends, _ = _scan(part.file, reading)
    return tables.pieces_of(first, ends, target_rows, target_bytes)


def read(table: Table, part: Part, piece: Piece, reading: Reading, columns: Sequence[str]) -> pl.DataFrame:
    """Read the columns of one shard."""
    texts = _read_texts(part, piece, reading, columns)
    return texts.select(_cast(name, table.schema[name]) for name in columns)


def locate(part: Part, reading: Reading, row: int) -> str:
    """Return file and line on which a row begins."""
    seen = -1  # the header is a record too
    for _, _, _, records in _walk(part.file, reading):
        if row - seen < len(records.lines):
            return f"{part.file.path}:{records.lines[row - seen]}"
        seen += len(records.lines)
    return tables.place(part, row)


def _walk(file: SourceFile, reading: Reading) -> Iterator[tuple[int, int, bytes, _Records]]:
    def find(buffer: bytes, line: int, last: bool) -> tuple[int, _Records]:
        return _find_records(buffer, line, last, file, reading)

    return tables.walk(file, find)


def _look_through(file: SourceFile, reading: Reading) -> Part:
    header, first, ends, blanks = _scan(file, reading)
    pieces = tables.pieces_of(first, ends, tables.TARGET_ROWS, tables.TARGET_BYTES)
    return Part(file, len(ends), header, pieces, plain=not blanks)


def _scan(file: SourceFile, reading: Reading) -> tuple[tuple[str, ...], int, np.ndarray, int]:
    header: tuple[str, ...] = ()
    first, blanks, ends = 0, 0, [np.empty(0, np.int64)]
    for offset, _, chunk, records in _walk(file, reading):
        blanks += records.blanks
        if not len(records.ends):
            continue
        skip = 0
        if not header:
            skip, first = 1, offset + int(records.ends[0])
            header = _header(chunk[records.starts[0] : records.ends[0]], file, reading)
        _check_fields(records, len(header), file, reading)
        ends.append(records.ends[skip:] + offset)
    return header, first, np.concatenate(ends), blanks


def _header(line: bytes, file: SourceFile, reading: Reading) -> tuple[str, ...]:
    text, separator = line.decode().rstrip("\r\n"), reading.separator
    try:
        names = next(csv.reader([text], delimiter=separator)) if reading.quote else text.split(separator)
    except csv.Error as error:
        hint = "rows end with a line feed here: rewrite a file whose lines end with a carriage return alone"
        raise CorpusError(f"a broken header: {error}", where=f"{file.path}:1", hint=hint) from error
    if list(names) == ["sep=", ""]:
        hint = "delete this line; the separator is found without it"
        raise CorpusError(
            "the first line is a note for Excel, not the header", where=f"{file.path}:1", hint=hint
        )
    doubled = sorted({name for name in names if names.count(name) > 1})
    if doubled:
        raise CorpusError(
            f"the column name {doubled[0]!r} stands twice in the header", where=f"{file.path}:1"
        )
    return tuple(names)


def _check_fields(records: _Records, n: int, file: SourceFile, reading: Reading) -> None:
    wrong = np.flatnonzero(records.fields != n)
    if len(wrong):
        fields, line = int(records.fields[wrong[0]]), int(records.lines[wrong[0]])
        raise CorpusError(
            f"{fields} field{'s' * (fields != 1)} where the header has {n}",
            where=f"{file.path}:{line}",
            hint="a field that holds the separator or a newline stands in quotes"
            + f" (columns are separated by {title(reading.separator)} here; separator= sets another)"
            * (reading.separator != ","),
        )


def _find_records(
    buffer: bytes, line: int, last: bool, file: SourceFile, reading: Reading
) -> tuple[int, _Records]:
    data = np.frombuffer(buffer, np.uint8)
    separator = ord(reading.separator)
    special = (data == separator) | (data == _NEWLINE)
    if reading.quote:
        special |= data == ord(reading.quote)
    at = np.flatnonzero(special)
    kind = data[at]
    inside = np.zeros(len(at), bool)
    if reading.quote:
        quotes = kind == ord(reading.quote)
        inside = np.cumsum(quotes) % 2 == 1
        _check_quotes(data, at[quotes], line, last, file, reading)
    newlines = at[kind == _NEWLINE]
    ends = at[(kind == _NEWLINE) & ~inside] + 1
    if last and len(data) > (ends[-1] if len(ends) else 0):
        ends = np.append(ends, len(data))
    starts = np.concatenate([[0], ends[:-1]]).astype(np.int64) if len(ends) else ends
    separators = at[(kind == separator) & ~inside]
    fields = np.searchsorted(separators, ends) - np.searchsorted(separators, starts) + 1
    lines = line + np.searchsorted(newlines, starts)
    real = ~_blank(data, starts, ends)
    records = _Records(starts[real], ends[real], fields[real], lines[real], int((~real).sum()))
    return (int(ends[-1]) if len(ends) else 0), records


def _blank(data: np.ndarray, starts: np.ndarray, ends: np.ndarray) -> np.ndarray:
    if not len(ends):
        return np.zeros(0, bool)
    length = ends - starts - (data[ends - 1] == _NEWLINE)
    return (length == 0) | ((length == 1) & (data[starts] == _RETURN))


def _check_quotes(
    data: np.ndarray, quotes: np.ndarray, line: int, last: bool, file: SourceFile, reading: Reading
) -> None:
    """Every odd quote opens a field (or follows a closing one: a quote within), every even one closes it."""
    quote, separator = ord(reading.quote or '"'), ord(reading.separator)
    opening, closing = quotes[0::2], quotes[1::2]
    before = np.where(opening > 0, data[np.maximum(opening - 1, 0)], _NEWLINE)
    stray = opening[~((before == separator) | (before == _NEWLINE) | (before == quote))]
    if not last:
        closing = closing[closing < len(data) - 2]
    after, later = (_byte_at(data, closing + i) for i in (1, 2))
    fine = (after == separator) | (after == _NEWLINE) | (after == quote)
    fine |= (after == _RETURN) & (later == _NEWLINE)
    stray = np.concatenate([stray, closing[~fine]])
    if len(stray):
        at = line + int((data[: stray.min()] == _NEWLINE).sum())
        raise CorpusError(
            "a quote within a field that is not quoted as a whole",
            where=f"{file.path}:{at}",
            hint='write "a ""b"" c" for a "b" c; if quotes mean nothing in this file, give quote=None',
        )
    if last and len(quotes) % 2:
        at = line + int((data[: opening[-1]] == _NEWLINE).sum())
        hint = "close it; if quotes mean nothing in this file, give quote=None"
        raise CorpusError("a quote is opened and never closed", where=f"{file.path}:{at}", hint=hint)


def _byte_at(data: np.ndarray, at: np.ndarray) -> np.ndarray:
    """Return the bytes at some places; behind the end stands a newline."""
    return np.where(at < len(data), data[np.minimum(at, len(data) - 1)], _NEWLINE)


def _read_texts(part: Part, piece: Piece, reading: Reading, columns: Sequence[str]) -> pl.DataFrame:
    raw = tables.read_range(part.file.path, piece.start, piece.stop)
    if not part.plain:
        raw = _without_blank_lines(raw, part.file, reading)
    try:
        frame = pl.read_csv(
            io.BytesIO(raw),
            has_header=False,
            separator=reading.separator,
            quote_char=reading.quote,
            schema=dict.fromkeys(part.header, pl.String),
        )
    except pl.exceptions.PolarsError as error:
        raise tables.broken(part, piece, error) from error
    if frame.height != piece.rows:
        raise tables.broken(part, piece, ValueError(f"{frame.height} rows where {piece.rows} were expected"))
    return frame.select(columns)


def _without_blank_lines(raw: bytes, file: SourceFile, reading: Reading) -> bytes:
    _, records = _find_records(raw, 1, True, file, reading)
    return b"".join(raw[a:b] for a, b in zip(records.starts, records.ends, strict=True))


def _types(parts: Sequence[Part], reading: Reading) -> Schema:
    names = parts[0].header
    open_columns = [name for name in names if name not in reading.text_columns | {"text"}]
    possible = {name: dict.fromkeys([kind for kind, _ in _KINDS], True) for name in open_columns}
    filled = dict.fromkeys(open_columns, False)
    for part in parts:
        for piece in part.pieces:
            frame = _read_texts(part, piece, reading, open_columns)
            for name in open_columns:
                values = frame[name].drop_nulls()
                filled[name] |= len(values) > 0
                _narrow(possible[name], values)
    return {name: _choose(possible[name]) if filled.get(name) else pl.String() for name in names}


def _narrow(possible: dict[str, bool], values: pl.Series) -> None:
    """Rule out the kinds that some value is not of."""
    if not any(possible.values()):
        return
    integer = values.cast(pl.Int64, strict=False).cast(pl.String).eq_missing(values)
    if possible["integer"]:
        possible["integer"] = bool(integer.all())
    if possible["float"]:
        others = values.filter(~integer)
        possible["float"] = bool((others.str.contains(_FLOAT) | others.str.contains(_FLOAT_WORD)).all())
        possible["float"] &= others.cast(pl.Float64, strict=False).null_count() == 0
    if possible["boolean"]:
        possible["boolean"] = bool(values.str.to_lowercase().is_in(["true", "false"]).all())


def _choose(possible: dict[str, bool]) -> pl.DataType:
    return next((dtype for kind, dtype in _KINDS if possible[kind]), pl.String())


def _cast(name: str, dtype: pl.DataType) -> pl.Expr:
    column = pl.col(name)
    if dtype == pl.Boolean:
        return (column.str.to_lowercase() == "true").alias(name)
    return column if dtype == pl.String else column.cast(dtype)
