"""Tables of gold labels as they come: Parquet, CSV, TSV, JSONL."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import polars as pl

from weaklabel.corpus import Reading, read_whole
from weaklabel.corpus.files import source_file
from weaklabel.corpus.separators import doubt, settled
from weaklabel.errors import CorpusError, GoldError, did_you_mean

_FORMATS = {
    ".csv": "csv",
    ".tsv": "tsv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".parquet": "parquet",
    ".pq": "parquet",
}
_HINTS = {
    ".json": "write one JSON object a line, to a file that ends in .jsonl",
    ".xlsx": "save it as CSV UTF-8",
    ".xls": "save it as CSV UTF-8",
}


def read_table(
    source: str | Path | pl.DataFrame | pl.LazyFrame,
    columns: Sequence[str],
    *,
    texts: Sequence[str] = (),
    separator: str | None = None,
) -> pl.DataFrame:
    """Return a frame, or the table of a file.

    Parameters
    ----------
    source
        A file or a frame.
    columns
        Columns that are wanted; a JSONL file without a line is taken to have them.
    texts
        Those that hold text whatever they look like ("007" is no number).
    separator
        The character between the columns of CSV and TSV; None: a tab for TSV, for CSV as its header shows.

    Raises
    ------
    GoldError
        The file is missing, empty, of an unknown kind, not UTF-8, or broken.

    Examples
    --------
    >>> read_table(pl.DataFrame({"id": ["a"]}), []).height
    1
    """
    if isinstance(source, (pl.DataFrame, pl.LazyFrame)):
        return source.lazy().collect()
    path = Path(source)
    format = _format(path)
    try:
        file = source_file(path, path.name)
        reading = settled(Reading(format, text_columns=frozenset(texts)), [file], separator, path.name)
        frame = read_whole(path, reading)
    except CorpusError as error:
        what = f"the gold file can't be read: {error.what}"
        raise GoldError(what, where=error.where or str(path), hint=error.hint) from error
    if not frame.width and format == "jsonl":
        return pl.DataFrame(schema=dict.fromkeys(columns, pl.String))
    if not frame.width:
        hint = f"its first line names the columns: {', '.join(columns)}"
        raise GoldError("the gold file is empty", where=str(path), hint=hint)
    odd = doubt(frame.columns, reading)
    if odd is not None:
        raise GoldError(
            f"gold has one column, {frame.columns[0]!r}, where {len(columns)} are needed",
            where=str(path),
            hint=": ".join(odd),
        )
    return frame


def _format(path: Path) -> str:
    """Return the format of a file that is there."""
    if path.is_dir():
        raise GoldError(
            "gold is a file; this is a folder",
            where=str(path),
            available=_tables(path),
            hint="name the file in it",
        )
    if not path.is_file():
        beside = _tables(path.parent)
        raise GoldError(
            "there is no such gold file",
            where=str(path),
            available=beside,
            hint=did_you_mean(path.name, beside),
        )
    suffix = path.suffix.lower()
    if suffix not in _FORMATS:
        raise GoldError(
            f"gold can't be read from {path.suffix!r} files",
            where=str(path),
            available=_FORMATS,
            hint=_HINTS.get(suffix),
        )
    return _FORMATS[suffix]


def _tables(folder: Path) -> list[str]:
    """Return the files of a folder that gold can be read from."""
    if not folder.is_dir():
        return []
    return sorted(p.name for p in folder.iterdir() if p.is_file() and p.suffix.lower() in _FORMATS)
