"""Slices: named conditions on the rows of a corpus, for which every figure is given too."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import polars as pl
from polars import selectors as cs

from weaklabel.errors import ConfigError, GoldError, Problems, WeakLabelError, did_you_mean, some

Slices = Mapping[str, str | pl.Expr]
"""Name to SQL text or Polars expression that is true on the rows of the slice."""


def slice_members(
    frame: pl.DataFrame | pl.LazyFrame | None,
    slices: Slices,
    ids: npt.NDArray[np.object_] | pl.Series,
    *,
    of: str,
) -> dict[str, npt.NDArray[np.bool_]]:
    """Tell for each slice which ids are in it.

    Parameters
    ----------
    frame
        All rows: `id` and the columns that slices name. An aggregate in a condition is over all of them.
    slices
        Name to condition; a row where it is null or NaN is not in the slice.
    ids
        The n ids asked for, each once.
    of
        What has these ids, for messages.

    Returns
    -------
    Name to bool (n,), in the order of `ids`.

    Raises
    ------
    ConfigError, Problems
        A slice is no condition over `frame`, or there is no frame.
    GoldError
        An id is not in `frame`.

    Examples
    --------
    >>> frame = pl.DataFrame({"id": ["a", "b"], "stars": [1, 5]})
    >>> slice_members(frame, {"low": "stars < 3"}, pl.Series(["b", "a"]), of="gold")
    {'low': array([False,  True])}
    """
    if not slices:
        return {}
    if frame is None:
        raise ConfigError(
            f"{len(slices)} slices, but no rows to look at",
            hint="give `frame`: id and the columns that slices name",
        )
    lazy = frame.lazy()
    columns = lazy.collect_schema()
    if "id" not in columns:
        raise ConfigError("the rows that slices look at have no column 'id'", available=columns.names())
    clean = lazy.with_columns(pl.col("id").cast(pl.String), cs.float().fill_nan(None))
    conditions = _conditions(clean, slices)
    wanted = pl.DataFrame({"id": pl.Series(ids, dtype=pl.String)})
    picked = [condition.fill_null(False).alias(f"slice:{name}") for name, condition in conditions.items()]
    try:
        found = clean.select("id", *picked).join(wanted.lazy(), on="id", how="semi").collect()
    except pl.exceptions.PolarsError as error:
        what = str(error).splitlines()[0]
        raise ConfigError(
            f"a slice fails on the rows: {what}", where=f"slices {some(list(conditions))}"
        ) from error
    _check_ids(found["id"], wanted["id"], of)
    joined = wanted.join(found, on="id", how="left", maintain_order="left")
    return {name: joined[f"slice:{name}"].to_numpy() for name in conditions}


def _conditions(frame: pl.LazyFrame, slices: Slices) -> dict[str, pl.Expr]:
    conditions, problems = {}, []
    for name, text in slices.items():
        try:
            conditions[name] = _condition(frame, name, text)
        except ConfigError as error:
            problems.append(error)
    if problems:
        raise problems[0] if len(problems) == 1 else Problems("the slices", problems)
    return conditions


def _condition(frame: pl.LazyFrame, name: str, text: str | pl.Expr) -> pl.Expr:
    where = f"slice {name!r}" + (f": {text}" if isinstance(text, str) else "")
    columns = frame.collect_schema().names()
    try:
        condition = pl.sql_expr(text) if isinstance(text, str) else text
        for root in condition.meta.root_names():
            if root not in columns and not root.startswith("^"):
                hint = did_you_mean(root, columns)
                raise ConfigError(f"no column {root!r}", where=where, available=columns, hint=hint)
        kind = frame.select(condition).collect_schema().dtypes()
    except pl.exceptions.PolarsError as error:
        what = str(error).splitlines()[0]
        raise ConfigError(
            f"not a condition that Polars understands: {what}", where=where, available=columns
        ) from error
    if kind != [pl.Boolean]:
        raise ConfigError(
            f"a slice is true or false on each row, not {', '.join(str(k) for k in kind)}",
            where=where,
            hint="compare with something: length(text) < 40",
        )
    return condition


def _check_ids(found: pl.Series, wanted: pl.Series, of: str) -> None:
    doubled = found.filter(found.is_duplicated()).unique().sort()
    if doubled.len():
        raise WeakLabelError(
            f"{doubled.len()} ids stand more than once in the rows of the slices: {some(doubled)}"
        )
    missing = wanted.filter(~wanted.is_in(found.implode())).sort()
    if missing.len():
        raise GoldError(
            f"{missing.len()} of {wanted.len()} {of} ids are not in the rows that slices look at: {some(missing)}"
        )
