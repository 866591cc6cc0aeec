"""Parquet: shards are runs of row groups; columns stay what they are.

A column that holds nothing but nulls has no type in some files (pandas writes them so); it has that of the other files.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import polars as pl

from weaklabel.corpus import tables
from weaklabel.corpus.files import SourceFile
from weaklabel.corpus.remote_path import AnyPath, RemotePath
from weaklabel.corpus.tables import Part, Piece, Reading, Table
from weaklabel.errors import CorpusError

_MAGIC = b"PAR1"
_TAIL = 1 << 16
"""Bytes at the end of a file that are read first; most footers lie in them."""
_AT_ONCE = 16


def inspect(files: Sequence[SourceFile], reading: Reading) -> Table:
    """Read the footers: columns, types, row groups."""
    parts, schemas = [], []
    for file, (schema, groups) in zip(files, _footers(files), strict=True):
        pieces = _pieces(groups, tables.TARGET_ROWS)
        parts.append(Part(file, sum(groups), tuple(schema), pieces))
        schemas.append(schema)
    tables.check_headers(parts)
    filled = [i for i, part in enumerate(parts) if part.rows] or [0]
    schema = dict(schemas[filled[0]])
    typed_by = dict.fromkeys(schema, parts[filled[0]])
    for i in filled:
        _widen(schema, typed_by, parts[i], schemas[i])
    return Table(schema, tuple(part for part in parts if part.rows))


def cut(part: Part, reading: Reading, target_rows: int, target_bytes: int) -> tuple[Piece, ...]:
    """Cut a file into runs of row groups."""
    return _pieces(_footer(part.file)[1], target_rows)


def read(table: Table, part: Part, piece: Piece, reading: Reading, columns: Sequence[str]) -> pl.DataFrame:
    """Read the columns of one shard."""
    if not columns:
        return pl.DataFrame(height=piece.rows)
    try:
        frame = _read(part.file.path, piece, columns)
        return frame.with_columns(
            pl.col(c).cast(table.schema[c]) for c in columns if frame.schema[c] == pl.Null
        )
    except (pl.exceptions.PolarsError, OSError) as error:
        raise tables.broken(part, piece, error) from error


def _read(path: AnyPath, piece: Piece, columns: Sequence[str]) -> pl.DataFrame:
    options = None
    if isinstance(path, RemotePath):
        if not path.spoken_by_polars:
            return _read_groups(path, piece, columns)
        options = path.native_options
    source = path if isinstance(path, Path) else str(path)
    lazy = pl.scan_parquet(source, glob=False, hive_partitioning=False, storage_options=options)
    return lazy.slice(piece.first_row, piece.rows).select(columns).collect()


def _read_groups(path: RemotePath, piece: Piece, columns: Sequence[str]) -> pl.DataFrame:
    import pyarrow.parquet as pq

    with path.open() as stream:
        found = pq.ParquetFile(stream).read_row_groups(range(piece.start, piece.stop), columns=list(columns))
    return pl.DataFrame(pl.from_arrow(found)).select(columns)


def locate(part: Part, reading: Reading, row: int) -> str:
    """Return file and row."""
    return tables.place(part, row)


def _footers(files: Sequence[SourceFile]) -> Iterable[tuple[tables.Schema, list[int]]]:
    """Yield types and row groups of each file; those of an object store are waited for together."""
    if len(files) < 2 or isinstance(files[0].path, Path):
        yield from map(_footer, files)
        return
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        yield from pool.map(_footer, files)


def _footer(file: SourceFile) -> tuple[tables.Schema, list[int]]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    with tables.open_bytes(file.path) as stream:
        head = stream.read(len(_MAGIC))
        stream.seek(max(0, file.size - _TAIL))
        tail = stream.read(_TAIL)
        _check_magic(file, head, tail)
        length = int.from_bytes(tail[-2 * len(_MAGIC) : -len(_MAGIC)], "little") + 2 * len(_MAGIC)
        if length > len(tail):
            stream.seek(max(0, file.size - length))
            tail = stream.read(length)
    footer = _MAGIC + tail[-length:]  # a whole file as far as columns and row groups go
    try:
        metadata = pq.read_metadata(io.BytesIO(footer))
        schema = pl.read_parquet_schema(io.BytesIO(footer))
    except (pa.ArrowException, pl.exceptions.PolarsError, OSError) as error:
        first = (str(error).splitlines() or [""])[0]
        raise CorpusError(f"a damaged Parquet file: {first}", where=str(file.path)) from error
    groups = [metadata.row_group(i).num_rows for i in range(metadata.num_row_groups)]
    return dict(schema), groups


def _check_magic(file: SourceFile, head: bytes, tail: bytes) -> None:
    if file.size == 0:
        raise CorpusError("an empty file where a Parquet file should be", where=str(file.path))
    if head != _MAGIC:
        hint = "let its name end in what it is: .csv, .tsv or .jsonl"
        raise CorpusError("no Parquet file: it does not begin with PAR1", where=str(file.path), hint=hint)
    if not tail.endswith(_MAGIC) or file.size < 3 * len(_MAGIC):
        hint = "it was not written or copied to its end; write it again"
        raise CorpusError("a truncated Parquet file: its footer is missing", where=str(file.path), hint=hint)


def _pieces(groups: Sequence[int], target_rows: int) -> tuple[Piece, ...]:
    pieces: list[Piece] = []
    row = 0
    for i, rows in enumerate(groups):
        if pieces and pieces[-1].rows + rows <= target_rows:
            last = pieces[-1]
            pieces[-1] = Piece(last.start, i + 1, last.first_row, last.rows + rows)
        elif rows:
            pieces.append(Piece(i, i + 1, row, rows))
        row += rows
    return tuple(pieces)


def _widen(schema: tables.Schema, typed_by: dict[str, Part], part: Part, own: tables.Schema) -> None:
    """Take over the types of columns that had none so far; raise where two files differ."""
    for name, known in schema.items():
        if known == pl.Null and own[name] != pl.Null:
            schema[name], typed_by[name] = own[name], part
        elif own[name] not in (known, pl.Null):
            a = typed_by[name].file
            raise CorpusError(
                f"mixed schemas: column {name!r} is {known} in {a.name} and {own[name]} in {part.file.name}",
                where=f"{a.path}, {part.file.path}",
                hint="write the files with one type a column",
            )
