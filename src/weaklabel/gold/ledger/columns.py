"""Whether a frame has the columns that it should have, and how a fault in it is told."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import polars as pl

from weaklabel.errors import GoldError, did_you_mean

MANY = 20
"""Faults of a frame that are told; of the others only how many there are."""
_WIDE = 40


def column_problems(
    frame: pl.DataFrame, columns: Mapping[str, Any], *, needed: Iterable[str], place: str
) -> Iterator[GoldError]:
    """Say which columns are missing, unknown or of a wrong type.

    Parameters
    ----------
    frame
        Rows of people or programs.
    columns
        The columns that it may have, with their types.
    needed
        Those that it must have.
    place
        What the frame is called in messages.

    Examples
    --------
    >>> frame = pl.DataFrame({"itme": ["a"]})
    >>> [problem.what for problem in column_problems(frame, {"item": pl.String}, needed=["item"], place="x")]
    ["no column 'item'", "unknown column 'itme'"]
    """
    for name in needed:
        if name not in frame.columns:
            yield GoldError(f"no column {name!r}", where=place, available=frame.columns)
    for name, found in frame.schema.items():
        if name not in columns:
            hint = did_you_mean(name, columns) or "rename it or take it out"
            yield GoldError(f"unknown column {name!r}", where=place, available=columns, hint=hint)
        elif _is_time(columns[name]) and isinstance(found, pl.Datetime) and found.time_zone is None:
            hint = f'say which zone it is: pl.col("{name}").dt.replace_time_zone("UTC")'
            yield GoldError(f"column {name!r} has no time zone", where=place, hint=hint)
        elif not fits(found, columns[name]):
            yield GoldError(f"column {name!r} holds {found}, not {_type(columns[name])}", where=place)


def fits(found: pl.DataType, wanted: Any) -> bool:
    """Say whether values of a type are taken for another: numbers for numbers, text of any kind for text.

    Examples
    --------
    >>> fits(pl.Int32(), pl.Float64), fits(pl.Float64(), pl.Int64), fits(pl.Null(), pl.String)
    (True, False, True)
    """
    if found == pl.Null or found == wanted:
        return True
    if isinstance(wanted, pl.List):
        return isinstance(found, pl.List) and fits(found.inner, wanted.inner)  # type: ignore[arg-type]
    if wanted == pl.String:
        return isinstance(found, (pl.Categorical, pl.Enum))
    if wanted == pl.Float64:
        return found.is_numeric()
    if wanted == pl.Int64:
        return found.is_integer()
    return _is_time(wanted) and isinstance(found, pl.Datetime)


def cut(text: str) -> str:
    """Return a text as it is quoted in a message: not too long.

    Examples
    --------
    >>> cut("spam")
    "'spam'"
    """
    return repr(text if len(text) < _WIDE else text[:_WIDE] + "…")


def told(faults: Iterable[tuple[int, int, str, str, str | None]], place: str) -> Iterator[GoldError]:
    """Make errors of faults: row, rank of the column, where in the row, what, hint; of very many the first ones."""
    ranked = sorted(faults, key=lambda fault: fault[:2])
    for row, _, where, what, hint in ranked[:MANY]:
        yield GoldError(what, where=f"{place}, row {row}{where}", hint=hint)
    if len(ranked) > MANY:
        yield GoldError(f"{len(ranked) - MANY} more of such faults", where=place)


def _is_time(kind: Any) -> bool:
    return isinstance(kind, pl.Datetime)


def _type(kind: Any) -> str:
    return str(kind() if isinstance(kind, type) else kind)
