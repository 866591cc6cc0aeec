"""Ids of a corpus: never null, never doubled, checked once without holding more than a hash of each."""

from __future__ import annotations

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
        bad = (ids.is_null() | (ids == "")).fill_null(True).arg_true()
        if len(bad):
            what = "null" if ids[bad[0]] is None else "empty"
            raise CorpusError(
                f"a row without an id: column {column!r} is {what}",
                where=locate(number, int(bad[0])),
                hint="choose another column with id=",
            )
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
    doubled = pl.concat(found).filter(pl.col("id").is_duplicated())
    groups = doubled.group_by("id", maintain_order=True).agg("block", "row")
    if not groups.height:
        return
    shown = []
    for id, numbers, rows in groups.head(_SHOWN).iter_rows():
        places = [locate(n, r) for n, r in zip(numbers[:_SHOWN], rows[:_SHOWN], strict=True)]
        shown.append(f"{id!r} ({', '.join(places)}{', …' if len(rows) > _SHOWN else ''})")
    count = f"{groups.height} doubled id{'s' * (groups.height != 1)}"
    raise CorpusError(
        f"{count} in column {column!r}: {', '.join(shown)}{', …' if groups.height > _SHOWN else ''}",
        hint="every row needs an id of its own; choose another column with id=, or drop the doubled rows",
    )
