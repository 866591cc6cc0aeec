"""Checks of ids and vote columns."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from weaklabel.errors import VotesError
from weaklabel.label_matrix.patterns import RANGE_HINT, Int64, unique_names
from weaklabel.schema import MAX_CODE, MISSING


def string_ids(series: pl.Series, name: str) -> pl.Series:
    """Return a column of ids as String, named `id`, or say why it holds none."""
    nulls = series.is_null()
    if nulls.any():
        raise VotesError(
            f"column {name!r} holds nulls", where=f"row {nulls.arg_max()}", hint="every row needs an id"
        )
    if series.dtype not in (pl.String, pl.Categorical, pl.Enum) and not series.dtype.is_integer():
        raise VotesError(f"column {name!r} holds ids, and they are text or integers, not {series.dtype}")
    return series.cast(pl.String).rename("id")


def vote_column(series: pl.Series, ids: pl.Series) -> pl.Series:
    """Return a column of votes as Int8, or name the first row that holds no vote."""
    name = series.name
    if not series.dtype.is_integer():
        raise VotesError(f"votes are integers, and column {name!r} holds {series.dtype}", hint=RANGE_HINT)
    if not series.null_count() and len(series):
        least, most = series.min(), series.max()
        if isinstance(least, int) and isinstance(most, int) and least >= MISSING and most <= MAX_CODE:
            return series.cast(pl.Int8)
    wrong = series.is_null() | ~series.is_between(MISSING, MAX_CODE)
    if wrong.any():
        at = wrong.arg_max() or 0
        value = series[at]
        what = "a null" if value is None else f"vote {value}, which is out of range,"
        raise VotesError(f"{what} in column {name!r}", where=f"row id {ids[at]!r}", hint=RANGE_HINT)
    return series.cast(pl.Int8)


def positions(values: pl.Series, known: Sequence[str] | None) -> tuple[pl.Series, Int64]:
    """Return distinct names, and for each value its position among them."""
    names = (
        values.unique(maintain_order=True)
        if known is None
        else pl.Series(values.name, list(known), pl.String)
    )
    if known is not None:
        unique_names(known, "labeler")
    table = pl.DataFrame(
        {"name": names, "position": range(len(names))}, schema_overrides={"position": pl.Int64}
    )
    found = (
        values.rename("name").to_frame().join(table, on="name", how="left", maintain_order="left")["position"]
    )
    if found.null_count():
        new = values.filter(found.is_null()).unique(maintain_order=True).to_list()
        raise VotesError(f"labeler {new[0]!r} is not among the labelers given", available=names.to_list())
    return names, found.to_numpy()
