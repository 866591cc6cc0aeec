"""Files, written whole and flushed; what goes wrong is said in one error."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import polars as pl

from weaklabel.errors import OutputError


def write_parquet(frame: pl.DataFrame, path: Path) -> None:
    """Write a frame as Parquet and fsync it; an OutputError says what went wrong."""
    with writing(path):
        frame.write_parquet(path)
        sync(path)


def write_text(text: str, path: Path) -> None:
    """Write UTF-8 text and fsync it; an OutputError says what went wrong."""
    with writing(path):
        path.write_text(text, encoding="utf-8")
        sync(path)


@contextmanager
def writing(path: str | Path) -> Iterator[None]:
    """Turn what goes wrong while `path` is written into an OutputError."""
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
    """Make sure that a file, or a folder's list of names, is on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
