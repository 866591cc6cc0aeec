"""What a database's complaints mean, said so that they teach."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

import sqlalchemy as sa

from weaklabel.errors import GoldError, OutputError, WeakLabelError


class Held(GoldError):
    """Another process has held the ledger for too long."""


_HELD = "another process has held the ledger for too long"
_AGAIN = "wait for it, or end it, and run this again: nothing was written"
_COPY = "take the last copy of it; what `sqlite3 FILE .recover` still reads can be added to a new one"
_FULL, _ROOM = "the disk is full: nothing was written", "make room and run this again"

_MEANINGS: tuple[tuple[str, type[WeakLabelError], str, str], ...] = (
    ("not a database", GoldError, "the file is no SQLite database", "name the ledger, or move the file away"),
    ("malformed", GoldError, "the ledger's file is damaged", _COPY),
    ("locked", Held, _HELD, _AGAIN),
    ("lock timeout", Held, _HELD, _AGAIN),
    ("unable to open", OutputError, "can't open the ledger's file", "check its folder's permissions"),
    ("readonly", OutputError, "can't write the ledger", "check the owner and permissions of file and folder"),
    ("disk is full", OutputError, _FULL, _ROOM),
    ("no space left", OutputError, _FULL, _ROOM),
    ("append-only", GoldError, "the ledger is append-only", "add a correction; `erase` deletes"),
)


@contextmanager
def explained(place: str) -> Iterator[None]:
    """Turn what the database says into an error that teaches.

    Parameters
    ----------
    place
        The ledger's path or URL, without a password.
    """
    try:
        yield
    except (sa.exc.DBAPIError, sqlite3.Error) as error:
        raise _meaning(error, place) from error


def _meaning(error: Exception, place: str) -> WeakLabelError:
    said = _said(getattr(error, "orig", None) or error)
    for part, kind, what, hint in _MEANINGS:
        if part in said.lower():
            return kind(f"{what} ({said})", where=place, hint=hint)
    if isinstance(error, (sa.exc.InterfaceError, sa.exc.OperationalError)) and "://" in place:
        hint = "check that the server runs, and the host, port, user and name in the URL"
        return GoldError(f"can't reach the database: {said}", where=place, hint=hint)
    return GoldError(f"the database says: {said}", where=place)


def _said(error: BaseException) -> str:
    """Return the message of a driver's error; pg8000 gives a table of fields, and may hide it behind a later error."""
    cause: BaseException | None = error
    while cause is not None:
        if cause.args and isinstance(cause.args[0], dict):
            return str(cause.args[0].get("M", cause.args[0]))
        cause = cause.__context__
    return str(error.args[0] if error.args else error)
