"""Tables of gold labels as they come: Parquet, CSV, TSV, JSONL."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import polars as pl

from weaklabel.errors import GoldError, did_you_mean


def read_table(
    source: str | Path | pl.DataFrame | pl.LazyFrame, columns: Sequence[str], *, numbers: str | None = None
) -> pl.DataFrame:
    """Return a frame, or the table of a file.

    Parameters
    ----------
    source
        A file or a frame.
    columns
        Columns that are wanted; CSV and TSV leave them as text ("007" is no number), and a JSONL file without a
        line is taken to have them.
    numbers
        The one of them that may become a number.

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
    read = _READERS.get(path.suffix.lower())
    if read is None:
        raise GoldError(f"gold can't be read from {path.suffix!r} files", where=str(path), available=_READERS)
    if not path.is_file():
        beside = sorted(p.name for p in path.parent.iterdir() if p.is_file()) if path.parent.is_dir() else []
        hint = did_you_mean(path.name, beside)
        raise GoldError("there is no such gold file", where=str(path), available=beside, hint=hint)
    try:
        return read(path, columns, [name for name in columns if name != numbers])
    except pl.exceptions.NoDataError as error:
        raise GoldError(
            "the gold file is empty",
            where=str(path),
            hint=f"its first line names the columns: {', '.join(columns)}",
        ) from error
    except (pl.exceptions.PolarsError, OSError) as error:
        what = str(error).splitlines()[0]
        where = _broken_line(path) if read is _read_jsonl else str(path)
        raise GoldError(f"the gold file can't be read: {what}", where=where) from error


def _read_csv(path: Path, columns: Sequence[str], texts: Sequence[str], separator: str = ",") -> pl.DataFrame:
    _check_utf8(path)
    overrides = dict.fromkeys(texts, pl.String)
    return pl.read_csv(path, separator=separator, schema_overrides=overrides, infer_schema_length=None)


def _read_tsv(path: Path, columns: Sequence[str], texts: Sequence[str]) -> pl.DataFrame:
    return _read_csv(path, columns, texts, "\t")


def _read_jsonl(path: Path, columns: Sequence[str], texts: Sequence[str]) -> pl.DataFrame:
    _check_utf8(path)
    if not path.read_bytes().strip():  # no line, no names of columns
        return pl.DataFrame(schema=dict.fromkeys(columns, pl.String))
    return pl.read_ndjson(path, infer_schema_length=None)


def _read_parquet(path: Path, columns: Sequence[str], texts: Sequence[str]) -> pl.DataFrame:
    return pl.read_parquet(path)


_READERS: dict[str, Callable[[Path, Sequence[str], Sequence[str]], pl.DataFrame]] = {
    ".csv": _read_csv,
    ".tsv": _read_tsv,
    ".jsonl": _read_jsonl,
    ".ndjson": _read_jsonl,
    ".parquet": _read_parquet,
}


def _check_utf8(path: Path) -> None:
    with path.open("rb") as lines:
        for number, line in enumerate(lines, 1):
            try:
                line.decode("utf-8")
            except UnicodeDecodeError as error:
                raise GoldError(
                    f"the gold file is not UTF-8 (byte {error.start + 1} of the line)",
                    where=f"{path}:{number}",
                    hint="save it as UTF-8",
                ) from error


def _broken_line(path: Path) -> str:
    for number, line in enumerate(path.read_bytes().splitlines(), 1):
        try:
            json.loads(line or b"null")
        except ValueError:
            return f"{path}:{number}"
    return str(path)
