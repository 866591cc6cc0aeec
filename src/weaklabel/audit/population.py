"""What an audit is about: the rows of a corpus with the labels that are judged, whoever gave them."""

from __future__ import annotations

from typing import Any

import polars as pl

from weaklabel.errors import GoldError, some
from weaklabel.fingerprint import fingerprint

POPULATION: dict[str, Any] = {"id": pl.String, "label": pl.String, "confidence": pl.Float64}
"""Columns that a population has; further ones (time, source, slices) are kept as they are.

`label` is the label that is judged, null where the row has none; `confidence` the probability that its maker gives
it, null where nobody knows.
"""


def check_population(frame: pl.DataFrame, *, place: str = "the rows to audit") -> pl.DataFrame:
    """Return the rows to audit with the columns of `POPULATION`, or say what is wrong with them.

    Parameters
    ----------
    frame
        `id`, `label`, and if known `confidence`; other columns are kept.
    place
        What the frame is called in messages.

    Raises
    ------
    GoldError
        A column is missing or of the wrong type, ids are missing or stand twice, a confidence is no probability, or
        no row has a label.

    Examples
    --------
    >>> check_population(pl.DataFrame({"id": ["a"], "label": ["spam"]}))["confidence"].to_list()
    [None]
    """
    for name in ("id", "label"):
        if name not in frame.columns:
            raise GoldError(f"{place} have no column {name!r}", available=frame.columns)
        if frame[name].dtype not in (pl.String, pl.Null):
            raise GoldError(f"column {name!r} of {place} is text, and holds {frame[name].dtype}")
    if "confidence" not in frame.columns:
        frame = frame.with_columns(pl.lit(None, pl.Float64).alias("confidence"))
    elif not (frame["confidence"].dtype.is_numeric() or frame["confidence"].dtype == pl.Null):
        raise GoldError(f"column 'confidence' of {place} is a number, and holds {frame['confidence'].dtype}")
    frame = frame.with_columns(
        pl.col("id").cast(pl.String),
        pl.col("label").cast(pl.String),
        pl.col("confidence").cast(pl.Float64).fill_nan(None),
    )
    _check_rows(frame, place)
    return frame.select(*POPULATION, pl.exclude(*POPULATION))


def population_fingerprint(population: pl.DataFrame) -> str:
    """Return what stands for the ids, labels and confidences of a population, in whatever order.

    Examples
    --------
    >>> rows = check_population(pl.DataFrame({"id": ["a", "b"], "label": ["x", "y"]}))
    >>> population_fingerprint(rows) == population_fingerprint(rows.reverse())
    True
    """
    rows = population.select(POPULATION.keys()).sort("id")
    return fingerprint([rows[name].to_list() for name in POPULATION])


def _check_rows(frame: pl.DataFrame, place: str) -> None:
    ids = frame["id"]
    if ids.null_count():
        raise GoldError(f"{ids.null_count()} of {ids.len()} of {place} have no id")
    if ids.n_unique() < ids.len():
        twice = ids.filter(ids.is_duplicated()).unique().sort()
        raise GoldError(f"{twice.len()} ids stand more than once among {place}: {some(twice)}")
    if frame["label"].null_count() == frame.height:
        raise GoldError(f"none of {place} has a label", hint="an audit judges labels: relabel first")
    wrong = frame.filter(~pl.col("confidence").is_between(0, 1 + 1e-9))
    if wrong.height:
        raise GoldError(
            f"{wrong.height} confidences of {place} are no probabilities: {wrong['confidence'][0]}",
            where=f"row {wrong['id'][0]!r}",
        )
