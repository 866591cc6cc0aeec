"""Parquet: shards are runs of row groups; columns stay what they are.

A column that holds nothing but nulls has no type in some files (pandas writes them so); it has that of the other files.
"""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from weaklabel.corpus import tables
from weaklabel.corpus.files import SourceFile
from weaklabel.corpus.tables import Part, Piece, Reading, Table
from weaklabel.errors import CorpusError

_MAGIC = b"PAR1"


def inspect(files: Sequence[SourceFile], reading: Reading) -> Table:
    """Read the footers: columns, types, row groups."""
    parts, schemas = [], []
    for file in files:
        schema, groups = _footer(file)
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
    lazy = pl.scan_parquet(part.file.path, glob=False, hive_partitioning=False)
    try:
        frame = lazy.slice(piece.first_row, piece.rows).select(columns).collect()
        return frame.with_columns(
            pl.col(c).cast(table.schema[c]) for c in columns if frame.schema[c] == pl.Null
        )
    except (pl.exceptions.PolarsError, OSError) as error:
        raise tables.broken(part, piece, error) from error


def locate(part: Part, reading: Reading, row: int) -> str:
    """Return file and row."""
    return tables.place(part, row)


def _footer(file: SourceFile) -> tuple[tables.Schema, list[int]]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    _check_magic(file)
    try:
        metadata = pq.read_metadata(file.path)
        schema = pl.read_parquet_schema(file.path)
    except (pa.ArrowException, pl.exceptions.PolarsError, OSError) as error:
        first = (str(error).splitlines() or [""])[0]
        raise CorpusError(f"a damaged Parquet file: {first}", where=str(file.path)) from error
    groups = [metadata.row_group(i).num_rows for i in range(metadata.num_row_groups)]
    return dict(schema), groups


def _check_magic(file: SourceFile) -> None:
    with tables.open_bytes(file.path) as stream:
        head = stream.read(len(_MAGIC))
        stream.seek(max(0, file.size - len(_MAGIC)))
        tail = stream.read(len(_MAGIC))
    if file.size == 0:
        raise CorpusError("an empty file where a Parquet file should be", where=str(file.path))
    if head != _MAGIC:
        hint = "let its name end in what it is: .csv, .tsv or .jsonl"
        raise CorpusError("no Parquet file: it does not begin with PAR1", where=str(file.path), hint=hint)
    if tail != _MAGIC or file.size < 3 * len(_MAGIC):
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
