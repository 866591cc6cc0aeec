"""What all gold has in common when it is read: columns by role, the condition on rows, the latest answers."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from pathlib import Path

import polars as pl
from polars import selectors as cs

from weaklabel.errors import GoldError, Problems, did_you_mean
from weaklabel.gold.files import read_table

ROW = "__row__"
"""The column that counts the rows of the source from 1 on."""
FEW = 5
"""As many are named in a message."""


def read_rows(
    source: str | Path | pl.DataFrame | pl.LazyFrame,
    named: Mapping[str, str | None],
    *,
    where: str | pl.Expr | None = None,
    separator: str | None = None,
) -> tuple[str, pl.DataFrame, int]:
    """Return where gold is from, its rows that a condition keeps, under the names of their roles, and how many it has.

    Parameters
    ----------
    source, where, separator
        As in `load_gold`.
    named
        Role -> column: `id`, `label`, and those of `annotator` and `time` that there are.

    Raises
    ------
    GoldError, Problems
        As in `load_gold`.

    Examples
    --------
    >>> place, rows, whole = read_rows(pl.DataFrame({"item": [1, 2]}), {"id": "item"}, where="item > 1")
    >>> place, rows["id"].to_list(), whole
    ('gold', [2], 2)
    """
    place = "gold" if isinstance(source, (pl.DataFrame, pl.LazyFrame)) else str(source)
    columns = {role: name for role, name in named.items() if name}
    texts = _texts(source, *(columns.get(role) for role in ("id", "label", "annotator")))
    table = read_table(source, list(columns.values()), texts=texts, separator=separator)
    table = table.with_row_index(ROW, offset=1)
    _need(columns, table, place)
    whole = table.height
    if where is not None:
        table = table.filter(_condition(where, table, place))
    return place, table.select(ROW, **{role: pl.col(name) for role, name in columns.items()}), whole


def clean_rows(rows: pl.DataFrame) -> pl.DataFrame:
    """Return rows of gold with everything but times as text, and null for what is empty.

    Examples
    --------
    >>> clean_rows(pl.DataFrame({"id": [1, 2], "label": ["ham", ""]})).rows()
    [('1', 'ham'), ('2', None)]
    """
    texts = [name for name in ("id", "label", "annotator") if name in rows.columns]
    rows = rows.with_columns(cs.float().fill_nan(None)).with_columns(pl.col(texts).cast(pl.String))
    return rows.with_columns(pl.col("id", "label").replace("", None))


def _texts(source: object, id: str | None, label: str | None, annotator: str | None) -> list[str]:
    """Return the columns that are text whatever they look like; numbers as labels of JSONL stay what they are."""
    as_they_are = str(source).lower().endswith(("jsonl", "ndjson"))
    return [name for name in (id, annotator, None if as_they_are else label) if name]


def _need(named: Mapping[str, str], table: pl.DataFrame, place: str) -> None:
    columns = [name for name in table.columns if name != ROW]
    missing = [
        GoldError(
            f"gold has no {role} column {name!r}",
            where=place,
            available=columns,
            hint=did_you_mean(name, columns) or f"name the column with {role}=",
        )
        for role, name in named.items()
        if name not in columns
    ]
    if missing:
        raise missing[0] if len(missing) == 1 else Problems(place, missing)


def _condition(where: str | pl.Expr, table: pl.DataFrame, place: str) -> pl.Series:
    columns = [name for name in table.columns if name != ROW]
    clean = table.with_columns(cs.float().fill_nan(None))
    try:
        condition = pl.sql_expr(where) if isinstance(where, str) else where
        for root in condition.meta.root_names():
            if root not in columns:
                hint = did_you_mean(root, columns) or "where= is a condition on the columns of this table"
                raise GoldError(
                    f"where: no column {root!r}: {where}", where=place, available=columns, hint=hint
                )
        found = clean.with_columns(condition.alias(ROW))[ROW]
    except pl.exceptions.PolarsError as error:
        what = str(error).splitlines()[0]
        raise GoldError(
            f"where: not a condition: {where}: {what}",
            where=place,
            available=columns,
            hint="where= is SQL that is true or false on each row: split = 'test'",
        ) from error
    if found.dtype != pl.Boolean:
        raise GoldError(
            f"where: true or false on each row, not {found.dtype}: {where}",
            where=place,
            hint="split = 'test'",
        )
    return found.fill_null(False)


def no_null_ids(rows: pl.DataFrame, place: str) -> None:
    """Raise a `GoldError` when a label belongs to no row."""
    null = rows.filter(pl.col("id").is_null())
    if null.height:
        raise GoldError(
            f"{plural(null.height, 'gold label has', 'gold labels have')} no id: {row_numbers(null[ROW].to_list())}",
            where=place,
            hint="every gold label belongs to a row",
        )


def timed_answers(rows: pl.DataFrame, place: str) -> pl.DataFrame:
    """Return rows with `time` as its rank; 0 where it is missing.

    Raises
    ------
    GoldError
        A time can't be read.
    """
    times = rows["time"]
    if times.dtype.is_float():
        times = times.fill_nan(None)
    elif not (times.dtype.is_numeric() or times.dtype.is_temporal()):
        read: list[float | None] = []
        broken = []
        for number, text in zip(rows[ROW], times.cast(pl.String), strict=True):
            try:
                read.append(None if text is None else _seconds(text))
            except ValueError:
                broken.append((number, text))
        if broken:
            each = ", ".join(f"{text!r} (row {number})" for number, text in broken[:FEW])
            raise GoldError(
                f"{plural(len(broken), 'gold time', 'gold times')} can't be read: {each}",
                where=place,
                hint="2024-05-31T12:00:00+00:00",
            )
        times = pl.Series(read, dtype=pl.Float64)
    return rows.with_columns(times.rank("dense").fill_null(0).alias("time"))


def _seconds(text: str) -> float:
    moment = datetime.datetime.fromisoformat(text.strip())
    return (moment if moment.tzinfo else moment.replace(tzinfo=datetime.UTC)).timestamp()


def latest_answers(rows: pl.DataFrame, place: str) -> pl.DataFrame:
    """Return one answer of each annotator to each item.

    Raises
    ------
    GoldError
        Somebody answers an item twice, and no time tells which counts.
    """
    by = ["id", "annotator"] if "annotator" in rows.columns else ["id"]
    if "time" in rows.columns:
        rows = rows.filter(pl.col("time") == pl.col("time").max().over(by)).unique(
            [*by, "label"], keep="first"
        )
    doubled = rows.filter(pl.struct(by).is_duplicated()).sort(by + [ROW])
    if doubled.height:
        groups = doubled.group_by(by, maintain_order=True).agg(pl.col(ROW), pl.col("label"))
        each = []
        for line in groups.head(FEW).iter_rows(named=True):
            who = f" by {line['annotator']!r}" if "annotator" in line else ""
            labels = " and ".join(repr(name) for name in dict.fromkeys(line["label"]))
            each.append(f"{line['id']!r}{who} ({row_numbers(line[ROW])}: {labels})")
        more = f" and {groups.height - FEW} more" if groups.height > FEW else ""
        when = " at the same time" if "time" in rows.columns else ""
        raise GoldError(
            f"{plural(groups.height, 'gold id is', 'gold ids are')} labeled more than once{when}: {', '.join(each)}{more}",
            where=place,
            hint="name the column that says who gave a label (annotator=) or when (time=), or keep one row per id",
        )
    return rows


def plural(n: int, one: str, many: str) -> str:
    """Return a number and what it counts.

    Examples
    --------
    >>> plural(1, "row is", "rows are"), plural(2, "row is", "rows are")
    ('1 row is', '2 rows are')
    """
    return f"{n} {one if n == 1 else many}"


def row_numbers(rows: Sequence[int]) -> str:
    """Return the numbers of rows in words, the first few of them.

    Examples
    --------
    >>> row_numbers([3]), row_numbers(range(1, 8))
    ('row 3', 'rows 1, 2, 3, 4, 5 and 2 more')
    """
    more = f" and {len(rows) - FEW} more" if len(rows) > FEW else ""
    return f"row{'s' * (len(rows) != 1)} {', '.join(str(r) for r in rows[:FEW])}{more}"
