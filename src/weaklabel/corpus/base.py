"""`Corpus`: what the rest of the package sees of the data."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping, MutableMapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import polars as pl

from weaklabel.corpus import separators, tables
from weaklabel.corpus.files import Found, PathLike, source_file
from weaklabel.corpus.ids import check_ids
from weaklabel.corpus.looking import READERS, look_through, look_through_tolerantly
from weaklabel.corpus.remote import find
from weaklabel.corpus.remote_path import AnyPath
from weaklabel.corpus.tables import TARGET_BYTES, TARGET_ROWS, Part, Piece, Reader, Reading, Table
from weaklabel.errors import CorpusError, did_you_mean
from weaklabel.fingerprint import fingerprint

logger = logging.getLogger("weaklabel.corpus")


@dataclass(frozen=True)
class Shard:
    """A run of rows of one file, fixed by the corpus alone.

    Parameters
    ----------
    file
        Name of the file, relative to the corpus root.
    index
        Position among the shards of the corpus.
    start, stop
        Bytes of the file (CSV, TSV, JSONL), row groups (Parquet) or rows (WRENCH).
    first_row, rows
        The rows: `first_row` to `first_row + rows - 1` of the file.

    Examples
    --------
    >>> str(Shard("mail.csv", index=2, start=4096, stop=6144, first_row=40, rows=20))
    'mail.csv, rows 40 to 59'
    """

    file: str
    index: int
    start: int
    stop: int
    first_row: int
    rows: int

    def __str__(self) -> str:
        return f"{self.file}, rows {self.first_row} to {self.first_row + self.rows - 1}"


@dataclass(frozen=True, eq=False)
class Corpus:
    """Rows to label, from many files of one format, each row with an id. Made by `Corpus.open`.

    Files are read in the order of their names. The first column is `id`, text, never null, never doubled; the
    other columns are as they stand in the files.

    Examples
    --------
    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> _ = (folder / "mail.csv").write_text('key,body,stars\\nm1,hello,5\\nm2,"two\\nlines",\\n')
    >>> corpus = Corpus.open(folder / "mail.csv", id="key", text="body")
    >>> corpus.columns
    ('id', 'key', 'body', 'stars', 'text')
    >>> corpus.scan().select("id", "text", "stars").collect().rows()
    [('m1', 'hello', 5), ('m2', 'two\\nlines', None)]
    >>> [(shard.first_row, shard.rows) for shard in corpus.shards(target_rows=1)]
    [(0, 1), (1, 1)]
    >>> corpus.read(corpus.shards(target_rows=1)[1])["id"].to_list()
    ['m2']
    >>> Corpus.open(folder / "mail.csv", id="kye")
    Traceback (most recent call last):
    ...
    weaklabel.errors.CorpusError: no column 'kye'
      where: mail.csv
      available: key, body, stars
      hint: did you mean 'key'?
    """

    root: AnyPath
    format: str
    id_column: str | None
    text_column: str | None
    table: Table = field(repr=False)
    reading: Reading = field(repr=False)
    digests: MutableMapping[str, str] = field(repr=False, default_factory=dict)
    unchecked: bool = field(repr=False, default=False)

    @classmethod
    def open(
        cls,
        source: PathLike | Sequence[PathLike],
        *,
        id: str | None = None,
        text: str | None = None,
        format: str | None = None,
        root: PathLike | None = None,
        quote: str | None = '"',
        separator: str | None = None,
        digests: MutableMapping[str, str] | None = None,
        unchecked: bool = False,
        storage: Mapping[str, str] | None = None,
    ) -> Corpus:
        """Open a corpus.

        CSV, TSV and JSONL are looked through once, which finds broken bytes and lines and settles the types of
        the columns over all files, unless `digests` remembers it; of Parquet only the footers are read; WRENCH files are parsed.

        Parameters
        ----------
        source
            A file, a folder (everything in it that is data), a glob, or a list of these. Data is Parquet
            (.parquet, .pq), JSONL (.jsonl, .ndjson), CSV, TSV, or a WRENCH directory (train.json, valid.json,
            test.json, label.json). Hidden files and those that begin with `_` are passed over in a folder. An
            address such as s3://bucket/mail/*.parquet names them in an object store; files are then read by
            ranges, and known by their ETag.
        id
            The column of ids: text or whole numbers. None: the column `id` where there is one, else ids are
            derived: "relative path of the file:row in it", rows from 0. Then files may be appended to, but not
            reordered or renamed: a warning says so.
        text
            The column of texts; it is there under the name `text` too.
        format
            parquet, jsonl, csv, tsv or wrench, where the suffix does not say.
        root
            The folder to which a relative `source` and the names in derived ids are relative. None: the working
            folder for the first; for the second the folder opened, the fixed part of a glob, or the folder of
            the file (of a list: the innermost that holds them all), which also serves files outside `root`.
        quote
            The quote character of CSV and TSV; None: quotes mean nothing.
        separator
            The character between the columns of CSV and TSV (`tab` is one too). None: a tab for TSV; for CSV the
            comma, semicolon, tab or bar that the header shows, with a note in the log when it is no comma.
        digests
            Remembers digests of contents, and what looking through large text files found, by path, size and time
            of change; give one that is kept on disk to remember them longer than this object lives.
        unchecked
            Reading does not look for null and doubled ids first, which takes 8 bytes of memory a row; whoever opens a
            corpus so finds them in another way, or calls `check_ids`.
        storage
            How an object store is spoken to: {"aws_endpoint_url": …, "aws_region": …}. Credentials come from the
            environment alone.

        Raises
        ------
        CorpusError
            Nothing there, nothing in it, mixed formats, separators or columns, an unknown column, broken bytes or
            lines.
        StoreError
            The object store doesn't answer, lets nobody in, or a package or a setting is missing.
        """
        found = find(source, format=format, root=root, storage=storage)
        reading, table = look_through(
            found, id=id, text=text, quote=quote, separator=separator, looks=digests
        )
        return cls._of(found, reading, table, id=id, text=text, digests=digests, unchecked=unchecked)

    @classmethod
    def open_tolerant(
        cls,
        source: PathLike | Sequence[PathLike],
        *,
        id: str | None = None,
        text: str | None = None,
        format: str | None = None,
        root: PathLike | None = None,
        quote: str | None = '"',
        separator: str | None = None,
        digests: MutableMapping[str, str] | None = None,
        unchecked: bool = False,
        storage: Mapping[str, str] | None = None,
    ) -> tuple[Corpus | None, tuple[CorpusError, ...]]:
        """Open what can be opened of a corpus, and say what can't.

        Folders and files that can't be read, damaged and truncated files, broken bytes and lines, and files whose columns
        or types are not those of most files give one error each, and the rest is opened. Files without rows are no error.

        Parameters
        ----------
        source, id, text, format, root, quote, separator, digests, unchecked, storage
            As for `open`.

        Returns
        -------
        The corpus of the other files, None where there are none; and the errors, in the order of the files.

        Raises
        ------
        CorpusError
            What is wrong with the call or with all files at once: nothing there, mixed formats, an unknown column.

        Examples
        --------
        >>> import tempfile
        >>> folder = Path(tempfile.mkdtemp())
        >>> pl.DataFrame({"id": ["a"], "text": ["hello"]}).write_parquet(folder / "good.parquet")
        >>> _ = (folder / "cut.parquet").write_bytes((folder / "good.parquet").read_bytes()[:-9])
        >>> corpus, failures = Corpus.open_tolerant(folder, id="id")
        >>> corpus.count(), [failure.what for failure in failures]
        (1, ['a truncated Parquet file: its footer is missing'])
        """
        failures: list[CorpusError] = []
        found = find(source, format=format, root=root, storage=storage, failures=failures)
        how: dict[str, Any] = {
            "id": id,
            "text": text,
            "quote": quote,
            "separator": separator,
            "looks": digests,
        }
        looked, broken = look_through_tolerantly(
            found, lambda files: look_through(replace(found, files=files), **how)
        )
        failures += broken
        if looked is None:
            return None, tuple(failures)
        reading, table = looked
        corpus = cls._of(found, reading, table, id=id, text=text, digests=digests, unchecked=unchecked)
        return corpus, tuple(failures)

    @classmethod
    def _of(
        cls,
        found: Found,
        reading: Reading,
        table: Table,
        *,
        id: str | None,
        text: str | None,
        digests: MutableMapping[str, str] | None,
        unchecked: bool,
    ) -> Corpus:
        names = found.names
        if not sum(part.rows for part in table.parts):
            raise CorpusError("an empty corpus: no file holds a row", where=names)
        if id is None and "id" in table.schema:
            id = "id"
        doubt = separators.doubt(list(table.schema), reading)
        _check_columns(table, id, text, names, doubt)
        if doubt is not None:
            logger.warning("%s: %s", names, doubt[0])
        if id is None:
            logger.warning(
                "%s: no id column, so ids are derived from file and row; appending rows is safe, reordering them "
                "or renaming files is not (an id column of your own is better)",
                names,
            )
        remembered = {} if digests is None else digests
        return cls(found.root, found.format, id, text, table, reading, remembered, unchecked)

    @cached_property
    def schema(self) -> dict[str, pl.DataType]:
        """Types of the columns, in order."""
        types = {
            name: pl.String() if source is None else self.table.schema[source]
            for name, source in self._sources.items()
        }
        types["id"] = pl.String()
        if self.text_column is not None:
            types["text"] = pl.String()
        return types

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the columns: `id` first; `text` last where it was given another name."""
        return tuple(self._sources)

    @property
    def files(self) -> tuple[AnyPath, ...]:
        """The files that hold rows, in the order in which they are read."""
        return tuple(part.file.path for part in self.table.parts)

    def count(self) -> int:
        """Return the number of rows."""
        return sum(part.rows for part in self.table.parts)

    def scan(self) -> pl.LazyFrame:
        """Return the whole corpus, lazily: shard after shard is read, and of it only the columns asked for.

        Ids are checked here, once (see `check_ids`).
        """
        self._check_once()
        return _scan_shards(self)

    def shards(
        self, target_rows: int = TARGET_ROWS, *, target_bytes: int = TARGET_BYTES
    ) -> tuple[Shard, ...]:
        """Return the shards, in order: together they are the corpus.

        Parameters
        ----------
        target_rows
            Largest number of rows of a shard; a Parquet row group is never cut.
        target_bytes
            About the largest number of bytes of a shard of CSV, TSV and JSONL; a record is never cut.
        """
        self._check_once()
        return tuple(self._shards(target_rows, target_bytes))

    def read(self, shard: Shard, *, columns: Sequence[str] | None = None) -> pl.DataFrame:
        """Return one shard: the rows, ids and types that `scan` gives.

        Parameters
        ----------
        shard
            One of `shards(…)`.
        columns
            Those to read; None: all.

        Raises
        ------
        CorpusError
            The file has changed since the corpus was opened, can't be read any more, or a column is unknown.
        """
        self._check_once()
        return self._read(shard, self.columns if columns is None else columns)

    def digest(self, shard: Shard) -> str:
        """Return the digest of a shard: of its content, and of how it is read.

        Equal digests mean equal rows. Of a corpus that was appended to, all shards but the last of a file keep
        theirs (Parquet files, and files of object stores, are digested whole).
        """
        part = self._part(shard.file)
        data: dict[str, object] = {"reading": self._reading_data()}
        if self.format in ("parquet", "wrench"):
            data |= {"content": self._content(part), "start": shard.start, "stop": shard.stop}
        else:
            data |= {"content": self._content(part, shard.start, shard.stop), "header": list(part.header)}
        if self.id_column is None:
            data |= {"file": shard.file, "first_row": shard.first_row}
        return fingerprint(data)

    @cached_property
    def fingerprint(self) -> str:
        """Digest of content, format and choice of id and text: the same wherever the files lie.

        In an object store the ETags stand for the content: the same in every bucket, but not those of the files on disk.
        """
        files = [
            [part.file.name if self.id_column is None else "", self._content(part)]
            for part in self.table.parts
        ]
        return fingerprint({"reading": self._reading_data(), "files": files})

    def check_ids(self) -> None:
        """Raise when an id is null or doubled; looks once, then remembers.

        Raises
        ------
        CorpusError
            With the first such ids and their files and lines.
        """
        _ = self._ids_are_fine

    def locate(self, shard: Shard, row: int) -> str:
        """Return where a row of a shard stands, for messages: file and line, or file and row.

        Parameters
        ----------
        shard
            One of `shards(…)`.
        row
            Its place in the shard, from 0.
        """
        return self._reader.locate(self._part(shard.file), self.reading, shard.first_row + row)

    def _check_once(self) -> None:
        if not self.unchecked:
            self.check_ids()

    @cached_property
    def _ids_are_fine(self) -> bool:
        if self.id_column is None:
            return True
        shards = list(self._shards(TARGET_ROWS, TARGET_BYTES))

        def blocks() -> Iterator[tuple[int, pl.Series]]:
            for shard in shards:
                yield shard.index, self._read(shard, ["id"])["id"]

        def locate(number: int, row: int) -> str:
            return self.locate(shards[number], row)

        check_ids(blocks, locate, column=self.id_column)
        return True

    @property
    def _reader(self) -> Reader:
        return READERS[self.format]

    @cached_property
    def _sources(self) -> dict[str, str | None]:
        """Each column's name and the column of the files that it comes from."""
        sources: dict[str, str | None] = {"id": self.id_column}
        sources |= {name: name for name in self.table.schema if name != "id"}
        if self.text_column is not None:
            sources["text"] = self.text_column
        return sources

    @cached_property
    def _parts(self) -> dict[str, Part]:
        return {part.file.name: part for part in self.table.parts}

    def _part(self, name: str) -> Part:
        if name not in self._parts:
            raise CorpusError(
                f"no file {name!r} in this corpus",
                available=self._parts,
                hint=did_you_mean(name, self._parts),
            )
        return self._parts[name]

    def _shards(self, target_rows: int, target_bytes: int) -> Iterator[Shard]:
        usual = (target_rows, target_bytes) == (TARGET_ROWS, TARGET_BYTES)
        if min(target_rows, target_bytes) < 1:
            raise CorpusError(
                f"a shard holds at least one row: target_rows={target_rows}, target_bytes={target_bytes}"
            )
        index = 0
        for part in self.table.parts:
            if not part.file.etag:  # of a store each reading asks again
                tables.check_unchanged(part.file)
            pieces = part.pieces if usual else self._reader.cut(part, self.reading, target_rows, target_bytes)
            for p in pieces:
                yield Shard(part.file.name, index, p.start, p.stop, p.first_row, p.rows)
                index += 1

    def _read(self, shard: Shard, columns: Sequence[str]) -> pl.DataFrame:
        unknown = [name for name in columns if name not in self._sources]
        if unknown:
            raise _unknown_column(unknown[0], self.columns, shard.file)
        part = self._part(shard.file)
        tables.check_unchanged(part.file)
        piece = Piece(shard.start, shard.stop, shard.first_row, shard.rows)
        wanted = list(dict.fromkeys(s for s in (self._sources[name] for name in columns) if s is not None))
        frame = self._reader.read(self.table, part, piece, self.reading, wanted)
        row = pl.int_range(shard.first_row, shard.first_row + shard.rows)
        return frame.select(self._column(name, part, row) for name in columns)

    def _column(self, name: str, part: Part, row: pl.Expr) -> pl.Expr:
        source = self._sources[name]
        if source is None:
            return pl.format("{}:{}", pl.lit(part.file.name), row).alias(name)
        column = pl.col(source)
        return (
            column if self.table.schema[source] == self.schema[name] else column.cast(self.schema[name])
        ).alias(name)

    def _content(self, part: Part, start: int = 0, stop: int | None = None) -> str:
        return tables.content_digest(part.file, start=start, stop=stop, remembered=self.digests)

    def _reading_data(self) -> dict[str, object]:
        separator = self.reading.separator
        return {
            **({"separator": separator} if separator != "," else {}),
            "format": self.format,
            "quote": self.reading.quote,
            "id": self.id_column,
            "text": self.text_column,
            "schema": [[name, str(dtype)] for name, dtype in self.table.schema.items()],
            "also": [tables.content_digest(f, remembered=self.digests) for f in self.table.also],
        }


def read_whole(path: Path, reading: Reading) -> pl.DataFrame:
    """Read one small file at once, by the rules for a corpus but without ids.

    Parameters
    ----------
    path
        The file. One without a header or a line gives a frame without columns.
    reading
        Format, dialect, and the columns that stay text.

    Raises
    ------
    CorpusError
        With the line at fault.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "gold.csv"
    >>> _ = path.write_text("id;label\\n007;spam\\n")
    >>> read_whole(path, Reading("csv", text_columns=frozenset(["id"]), separator=";")).rows()
    [('007', 'spam')]
    """
    reader = READERS[reading.format]
    table = reader.inspect([source_file(path, path.name)], reading)
    names = list(table.schema)
    pieces = [(part, piece) for part in table.parts for piece in part.pieces]
    frames = [reader.read(table, part, piece, reading, names) for part, piece in pieces]
    return pl.concat([pl.DataFrame(schema=table.schema), *frames])


def _scan_shards(corpus: Corpus) -> pl.LazyFrame:
    """Return a lazy frame that reads shard after shard, only the columns and rows that are asked for."""
    from polars.io.plugins import register_io_source

    def source(
        columns: list[str] | None, predicate: pl.Expr | None, n_rows: int | None, batch_size: int | None
    ) -> Iterator[pl.DataFrame]:
        wanted = list(corpus.columns) if columns is None else columns
        needed = wanted if predicate is None else list(dict.fromkeys([*wanted, *predicate.meta.root_names()]))
        left = corpus.count() if n_rows is None else n_rows
        for shard in corpus.shards():
            if left <= 0:
                return
            frame = corpus.read(shard, columns=needed).head(left)
            left -= frame.height
            if predicate is not None:
                frame = frame.filter(predicate)
            yield frame.select(wanted)

    return register_io_source(source, schema=corpus.schema, is_pure=True)


def _check_columns(
    table: Table, id: str | None, text: str | None, where: str, doubt: tuple[str, str] | None
) -> None:
    for name in (id, text):
        if name is not None and name not in table.schema:
            raise _unknown_column(name, table.schema, where, doubt)
    for name, meaning in ((id, "id"), (text, "text")):
        if name not in (None, meaning) and meaning in table.schema:
            raise CorpusError(
                f"column {name!r} is to be called {meaning!r}, but there is a column of that name already",
                where=where,
                available=table.schema,
                hint=f"give {meaning}={meaning!r} to use that one, or rename it in the files",
            )
    if id is not None:
        _check_type(table.schema[id], id, "an id is text or a whole number", where, integers=True)
    if text is not None:
        _check_type(table.schema[text], text, "a text column holds text", where, integers=False)


def _check_type(dtype: pl.DataType, name: str, rule: str, where: str, *, integers: bool) -> None:
    textual = dtype in (pl.String, pl.Categorical, pl.Enum)
    if not textual and not (integers and dtype.is_integer()):
        hint = f"choose another column with {'id=' if integers else 'text='}"
        if integers and dtype.is_float():
            hint = f"pandas makes whole numbers with gaps so: write them as text or Int64, or {hint}"
        raise CorpusError(f"{rule}, but column {name!r} is {dtype}", where=where, hint=hint)


def _unknown_column(
    name: str, columns: Iterable[str], where: str, doubt: tuple[str, str] | None = None
) -> CorpusError:
    columns = list(columns)
    hint = ": ".join(doubt) if doubt else did_you_mean(name, columns)
    return CorpusError(f"no column {name!r}", where=where, available=columns, hint=hint)
