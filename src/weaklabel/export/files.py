"""Files, written whole and flushed; what goes wrong is said in one error."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import polars as pl

from weaklabel.errors import OutputError


def write_parquet(frame: pl.DataFrame, path: Path) -> None:
    """Write a frame as Parquet and fsync it; an OutputError says what went wrong.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "rows.parquet"
    >>> write_parquet(pl.DataFrame({"id": ["a"]}), path)
    >>> pl.read_parquet(path).rows()
    [('a',)]
    """
    with writing(path):
        frame.write_parquet(path)
        sync(path)


def write_text(text: str, path: Path) -> None:
    """Write UTF-8 text and fsync it; an OutputError says what went wrong.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "note.txt"
    >>> write_text("é", path)
    >>> path.read_bytes()
    b'\\xc3\\xa9'
    """
    with writing(path):
        path.write_text(text, encoding="utf-8")
        sync(path)


@contextmanager
def writing(path: str | Path) -> Iterator[None]:
    """Turn what goes wrong while `path` is written into an OutputError.

    Examples
    --------
    >>> with writing("nowhere/rows.csv"):
    ...     Path("nowhere/rows.csv").write_text("")
    Traceback (most recent call last):
    ...
    weaklabel.errors.OutputError: can't write: No such file or directory
      where: nowhere/rows.csv
      hint: check free space and permissions; nothing half-written was left
    """
    try:
        yield
    except OSError as error:
        raise OutputError(
            f"can't write: {error.strerror or error}",
            where=str(path),
            hint="check free space and permissions; nothing half-written was left",
        ) from error
    except pl.exceptions.ComputeError as error:
        raise OutputError(f"can't write: {error}", where=str(path)) from error


def sync(path: str | Path) -> None:
    """Make sure that a file, or a folder's list of names, is on the disk.

    Examples
    --------
    >>> import tempfile
    >>> sync(tempfile.mkdtemp())
    """
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
