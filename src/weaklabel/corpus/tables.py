"""What the readers of all formats share: parts, pieces, bytes of a file, digests."""

from __future__ import annotations

import codecs
from collections.abc import Callable, Iterator, Mapping, MutableMapping, Sequence
from dataclasses import dataclass
from typing import BinaryIO, Protocol, TypeVar

import numpy as np
import polars as pl

from weaklabel.corpus.encoding import SAMPLE, not_utf8
from weaklabel.corpus.files import SourceFile, source_file
from weaklabel.corpus.remote_path import AnyPath, changed
from weaklabel.errors import CorpusError
from weaklabel.fingerprint import fingerprint, stream_digest

TARGET_ROWS = 65_536
TARGET_BYTES = 64 * 2**20
BLOCK = 16 * 2**20
_CHUNK = 2**20
BOM = codecs.BOM_UTF8

Schema = dict[str, pl.DataType]
Payload = TypeVar("Payload")


@dataclass(frozen=True)
class Piece:
    """A run of rows of one file: bytes `start` to `stop` (CSV, JSONL), row groups or rows (Parquet, WRENCH)."""

    start: int
    stop: int
    first_row: int
    rows: int


@dataclass(frozen=True)
class Part:
    """One file of a table, with what was learnt when it was looked through.

    Parameters
    ----------
    file
        The file.
    rows
        How many records it holds.
    header
        Its own columns, in its own order.
    pieces
        Its shards at the default size.
    plain
        The fast reader gives the right answer. False sends the file down the slower way.
    """

    file: SourceFile
    rows: int
    header: tuple[str, ...]
    pieces: tuple[Piece, ...]
    plain: bool = True


@dataclass(frozen=True)
class Table:
    """All files of one format as one table."""

    schema: Schema
    parts: tuple[Part, ...]
    also: tuple[SourceFile, ...] = ()


@dataclass(frozen=True)
class Reading:
    """How files are to be read.

    Parameters
    ----------
    format
        parquet, jsonl, csv, tsv or wrench.
    quote
        The quote character of CSV and TSV; None: quotes mean nothing.
    text_columns
        Columns that hold text whatever they look like.
    separator
        The character between the columns of CSV and TSV.

    Examples
    --------
    >>> Reading("csv", separator=";").quote
    '"'
    """

    format: str
    quote: str | None = '"'
    text_columns: frozenset[str] = frozenset()
    separator: str = ","


class Reader(Protocol):
    """What a format provides: its module is the reader."""

    def inspect(self, files: Sequence[SourceFile], reading: Reading) -> Table:
        """Look through the files: columns, types, rows, shards."""

    def cut(self, part: Part, reading: Reading, target_rows: int, target_bytes: int) -> tuple[Piece, ...]:
        """Cut one file into shards."""

    def read(
        self, table: Table, part: Part, piece: Piece, reading: Reading, columns: Sequence[str]
    ) -> pl.DataFrame:
        """Read the columns of one shard."""

    def locate(self, part: Part, reading: Reading, row: int) -> str:
        """Say where a row stands, for messages."""


def open_bytes(path: AnyPath) -> BinaryIO:
    """Open a file for reading, or raise a `CorpusError` that names it."""
    try:
        return path.open("rb")
    except OSError as error:
        raise CorpusError(f"can't read the file: {error.strerror}", where=str(path)) from error


def read_range(path: AnyPath, start: int, stop: int) -> bytes:
    """Return the bytes of a file from `start` to `stop`."""
    with open_bytes(path) as stream:
        stream.seek(start)
        return stream.read(stop - start)


def check_unchanged(file: SourceFile) -> None:
    """Raise when a file is no longer what it was when the corpus was opened."""
    now = source_file(file.path, file.name)
    if (now.size, now.mark) != (file.size, file.mark):
        raise changed(file.path)


Cut = Callable[[bytes, int, bool], tuple[int, Payload]]


def walk(
    file: SourceFile, cut: Cut[Payload], *, block: int = BLOCK
) -> Iterator[tuple[int, int, bytes, Payload]]:
    """Go through a UTF-8 file in blocks that end at a record.

    Parameters
    ----------
    file
        The file; a byte order mark is passed over.
    cut
        Called with the bytes at hand, the line on which they begin and whether they are the last; returns how
        many of them are whole records, and anything about these.
    block
        Bytes to read at a time.

    Yields
    ------
    tuple
        Offset of the block, line on which it begins, its bytes, and what `cut` said of it.
    """
    decoder = codecs.getincrementaldecoder("utf-8")()
    with open_bytes(file.path) as stream:
        offset, line, rest = _begin(stream, file), 1, b""
        while True:
            new = stream.read(max(block, len(rest)))
            _check_utf8(decoder, new, file, offset + len(rest), line + rest.count(b"\n"))
            buffer = rest + new
            used, payload = cut(buffer, line, not new)
            if used:
                yield offset, line, buffer[:used], payload
                line += buffer.count(b"\n", 0, used)
            offset, rest = offset + used, buffer[used:]
            if not new:
                return


def _begin(stream: BinaryIO, file: SourceFile) -> int:
    """Go to the first byte after a byte order mark, and return where that is; refuse UTF-16."""
    head = stream.read(SAMPLE)
    wrong = not_utf8(head)
    if wrong is not None:
        raise CorpusError(wrong[0], where=str(file.path), hint=wrong[1])
    first = len(BOM) if head.startswith(BOM) else 0
    stream.seek(first)
    return first


def _check_utf8(
    decoder: codecs.IncrementalDecoder, new: bytes, file: SourceFile, offset: int, line: int
) -> None:
    pending, _ = decoder.getstate()
    try:
        decoder.decode(new, final=not new)
    except UnicodeDecodeError as error:
        at = offset - len(pending) + error.start
        line += error.object.count(b"\n", 0, error.start)
        value = error.object[error.start]
        raise CorpusError(
            f"not UTF-8: byte 0x{value:02x} at byte {at} of the file",
            where=f"{file.path}:{line}",
            hint="save the file as UTF-8 (e.g. `iconv -f latin1 -t utf-8`)",
        ) from error


def pieces_of(first: int, ends: np.ndarray, target_rows: int, target_bytes: int) -> tuple[Piece, ...]:
    """Cut records into runs of at most `target_rows` rows and about `target_bytes` bytes, one record at least.

    Parameters
    ----------
    first
        Where the first record begins.
    ends
        Where each record ends, ascending.
    target_rows, target_bytes
        Largest size of a piece.

    Examples
    --------
    >>> [(p.start, p.stop, p.rows) for p in pieces_of(0, np.array([4, 8, 90, 94]), 2, 50)]
    [(0, 8, 2), (8, 90, 1), (90, 94, 1)]
    """
    pieces, row, start = [], 0, first
    while row < len(ends):
        by_bytes = int(np.searchsorted(ends, start + target_bytes, side="right"))
        until = max(row + 1, min(row + target_rows, by_bytes))
        stop = int(ends[until - 1])
        pieces.append(Piece(start, stop, row, until - row))
        row, start = until, stop
    return tuple(pieces)


def check_headers(parts: Sequence[Part]) -> None:
    """Raise when two files have other columns; both are named."""
    for part in parts[1:]:
        first = parts[0]
        if set(part.header) != set(first.header):
            raise CorpusError(
                f"mixed schemas: {_difference(first, part)}",
                where=f"{first.file.path}, {part.file.path}",
                hint="files of one corpus have the same columns; name only some of them, or add the missing column",
            )


def _difference(a: Part, b: Part) -> str:
    sides = []
    for one, other in ((a, b), (b, a)):
        extra = [repr(name) for name in one.header if name not in other.header]
        if extra:
            sides.append(f"{one.file.name} has {', '.join(extra)}, {other.file.name} has not")
    return "; ".join(sides)


def content_digest(
    file: SourceFile,
    *,
    start: int = 0,
    stop: int | None = None,
    remembered: MutableMapping[str, str] | None = None,
) -> str:
    """Return the digest of a file or of a run of its bytes, reading it only when it is not remembered.

    A file of an object store is known by its ETag, and not read for it.

    Parameters
    ----------
    file
        The file.
    start, stop
        Bytes to digest; `stop=None` means to the end.
    remembered
        Digests by path, size, time of change and bytes, all in one string, so that the mapping can be kept as
        JSON; new ones are added.
    """
    if file.etag:
        return fingerprint({"etag": file.etag, "size": file.size, "bytes": [start, stop]})
    check_unchanged(file)
    key = "|".join(map(str, (file.path, file.size, file.mtime_ns, start, "" if stop is None else stop)))
    found = None if remembered is None else remembered.get(key)
    if found is None:
        found = _digest(file, start, stop)
        if remembered is not None:
            remembered[key] = found
    return found


def _digest(file: SourceFile, start: int, stop: int | None) -> str:
    with open_bytes(file.path) as stream:
        if stop is None:
            return stream_digest(stream)
        stream.seek(start)
        sizes = (min(_CHUNK, stop - at) for at in range(start, stop, _CHUNK))
        return fingerprint([fingerprint(stream.read(size)) for size in sizes])


def broken(part: Part, piece: Piece, error: Exception) -> CorpusError:
    """Return the error for a shard that can't be read although its file could be looked through."""
    rows = f"rows {piece.first_row} to {piece.first_row + piece.rows - 1}"
    first = (str(error).splitlines() or [type(error).__name__])[0]
    return CorpusError(f"can't read {rows}: {first}", where=str(part.file.path))


def place(part: Part, row: int) -> str:
    """Return where a row stands in a file that has no lines."""
    return f"{part.file.path}, row {row}"


def only(schema: Mapping[str, pl.DataType], columns: Sequence[str]) -> Schema:
    """Return the types of some columns, in the order asked for."""
    return {name: schema[name] for name in columns}
