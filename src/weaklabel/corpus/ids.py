"""Ids of a corpus: never null, never doubled, checked once without holding more than a hash of each."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable

import polars as pl

from weaklabel.errors import CorpusError

_SHOWN = 3

Blocks = Callable[[], Iterable[tuple[int, pl.Series]]]
Locate = Callable[[int, int], str]


def check_ids(blocks: Blocks, locate: Locate, *, column: str) -> None:
    """Raise when an id is null, empty or doubled.

    Parameters
    ----------
    blocks
        Gives, each time it is called, number and ids of every block of the corpus, in order.
    locate
        Says where a row of a block stands: (number of the block, row within it).
    column
        Name of the id column, for messages.

    Raises
    ------
    CorpusError
        With the first such ids and where they stand.

    Examples
    --------
    >>> ids = pl.Series(["a", "b", "a"])
    >>> check_ids(lambda: [(0, ids)], lambda block, row: f"t.csv:{row + 2}", column="id")
    Traceback (most recent call last):
    ...
    weaklabel.errors.CorpusError: 1 doubled id in column 'id': 'a' (t.csv:2, t.csv:4)
      hint: every row needs an id of its own; choose another column with id=, or drop the doubled rows
    """
    hashes = []
    for number, ids in blocks():
        empty = empty_id_error(ids, functools.partial(locate, number), column=column)
        if empty is not None:
            raise empty
        hashes.append(ids.hash())
    every = pl.concat(hashes) if hashes else pl.Series([], dtype=pl.UInt64)
    if every.n_unique() < len(every):
        _raise_doubled(blocks, locate, every.filter(every.is_duplicated()).unique(), column)


def _raise_doubled(blocks: Blocks, locate: Locate, suspects: pl.Series, column: str) -> None:
    """Equal hashes are a suspicion; equal ids are a doubled id."""
    found = []
    for number, ids in blocks():
        rows = pl.DataFrame({"id": ids}).with_row_index("row").with_columns(block=pl.lit(number))
        found.append(rows.filter(pl.col("id").hash().is_in(suspects.implode())))
    error = doubled_error(pl.concat(found), locate, column=column)
    if error is not None:
        raise error


def empty_id_error(ids: pl.Series, locate: Callable[[int], str], *, column: str) -> CorpusError | None:
    """Return the error that names the first null or empty id; None where there is none.

    Parameters
    ----------
    ids
        Ids of a run of rows.
    locate
        Says where one of these rows stands.
    column
        Name of the id column, for messages.

    Examples
    --------
    >>> empty_id_error(pl.Series(["a", None]), lambda row: f"t.csv:{row + 2}", column="key").where
    't.csv:3'
    """
    bad = (ids.is_null() | (ids == "")).fill_null(True).arg_true()
    if not len(bad):
        return None
    return CorpusError(
        f"a row without an id: column {column!r} is {'null' if ids[bad[0]] is None else 'empty'}",
        where=locate(int(bad[0])),
        hint="choose another column with id=",
    )


def doubled_error(
    rows: pl.DataFrame, locate: Locate, *, column: str, more: bool = False
) -> CorpusError | None:
    """Return the error that names ids which stand more than once; None where there are none.

    Parameters
    ----------
    rows
        Columns id, block and row: rows among which all of an id are, if any.
    locate
        Says where a row of a block stands.
    column
        Name of the id column, for messages.
    more
        Not all suspects are among the rows.

    Examples
    --------
    >>> rows = pl.DataFrame({"id": ["a", "a"], "block": [0, 3], "row": [7, 0]})
    >>> doubled_error(rows, lambda block, row: f"{block}.csv:{row + 2}", column="key").what
    "1 doubled id in column 'key': 'a' (0.csv:9, 3.csv:2)"
    """
    doubled = rows.filter(pl.col("id").is_duplicated())
    groups = doubled.group_by("id", maintain_order=True).agg("block", "row")
    if not groups.height:
        return None
    shown = []
    for id, numbers, places in groups.head(_SHOWN).iter_rows():
        found = [locate(n, r) for n, r in zip(numbers[:_SHOWN], places[:_SHOWN], strict=True)]
        shown.append(f"{id!r} ({', '.join(found)}{', …' if len(places) > _SHOWN else ''})")
    count = f"{'at least ' * more}{groups.height} doubled id{'s' * (groups.height != 1)}"
    return CorpusError(
        f"{count} in column {column!r}: {', '.join(shown)}{', …' if groups.height > _SHOWN else ''}",
        hint="every row needs an id of its own; choose another column with id=, or drop the doubled rows",
    )
