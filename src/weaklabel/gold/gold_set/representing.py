"""How a gold set represents its corpus: what is there too often or too rarely, and which items would mend it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from weaklabel.errors import GoldError, did_you_mean, some
from weaklabel.fingerprint import event_hash
from weaklabel.stats import benjamini_hochberg

NONE, OTHER = "(none)", "(other)"
"""Values of rows that have none, and of all that are too rare to be looked at by themselves."""

_VALUES: dict[str, Any] = {
    "dimension": pl.String,
    "value": pl.String,
    "items": pl.Int64,
    "expected": pl.Float64,
    "corpus": pl.Float64,
    "p": pl.Float64,
    "adjusted": pl.Float64,
    "state": pl.String,
}
_DIMENSIONS: dict[str, Any] = {
    "dimension": pl.String,
    "items": pl.Int64,
    "p": pl.Float64,
    "adjusted": pl.Float64,
    "differs": pl.Boolean,
}
_MEND: dict[str, Any] = {"dimension": pl.String, "value": pl.String, "item": pl.String}
_LEAST_EXPECTED = 5.0
_MOST_VALUES = 10
_PARTS = 5


@dataclass(frozen=True, eq=False)
class Fit:
    """How the values of gold items compare with the corpus; made by `represents`.

    Parameters
    ----------
    dimensions
        dimension, items, p, adjusted, differs: chi-square tests that the gold items are drawn from the corpus, p null
        where there are too few items; adjusted by Benjamini and Hochberg over the dimensions.
    values
        dimension, value, items, expected (items), corpus (share), p (exact binomial test, two-sided), adjusted (over
        all values), state: ``over``, ``under``, or ``as expected``.
    mend
        dimension, value, item: rows of the corpus that would bring what is under up to its share.
    notes
        What was left out, in sentences.

    Examples
    --------
    >>> corpus = pl.DataFrame({"item": [f"i{n}" for n in range(100)], "source": ["mail", "chat"] * 50})
    >>> fit = represents([f"i{n}" for n in range(0, 40, 2)], corpus, by=["source"])
    >>> fit.values.select("value", "items", "expected", "state").rows()
    [('chat', 0, 10.0, 'under'), ('mail', 20, 10.0, 'over')]
    """

    dimensions: pl.DataFrame
    values: pl.DataFrame
    mend: pl.DataFrame
    notes: tuple[str, ...] = ()


def represents(
    items: Sequence[str] | pl.Series,
    corpus: pl.DataFrame,
    *,
    by: Sequence[str],
    text: str | None = None,
    level: float = 0.05,
    most: int = 20,
    seed: int = 0,
) -> Fit:
    """Compare gold items with the corpus that they stand for.

    Parameters
    ----------
    items
        Ids of the gold items.
    corpus
        item and the columns of `by` and `text`, one row an item of the corpus.
    by
        Columns to compare: the label model's label, a source, a time, a vote pattern, a number of votes. Of text the
        ten most frequent values count by themselves; numbers and times are cut into fifths of the corpus.
    text
        Column whose length in characters is compared too, as dimension "length".
    level
        Adjusted p from which on a difference is told.
    most
        Items that are named for a value at most; 0: none.
    seed
        Seed of the choice among items that would mend the set.

    Raises
    ------
    GoldError
        A column is missing, ids are there twice, or a column holds lists.

    Notes
    -----
    Cells with fewer than 5 expected items are put together for the chi-square test. Items that are not in the corpus
    are left out, and counted.
    """
    _check(corpus, [*by, *([text] if text else [])])
    gold = pl.DataFrame({"item": pl.Series(list(items), dtype=pl.String).unique()})
    known = gold.join(corpus, on="item", how="semi")
    cut = [(name, _cells(corpus, name)) for name in by]
    if text:
        lengths = corpus.select("item", length=pl.col(text).str.len_chars())
        cut.append(("length", _cells(lengths, "length")))
    tested = [_tested(name, cells, known) for name, cells in cut]
    values = pl.concat([values for _, values in tested]) if tested else pl.DataFrame(schema=_VALUES)
    adjusted = _adjusted(values["p"])
    low = pl.col("items") < pl.col("expected")
    values = values.with_columns(adjusted=adjusted).with_columns(
        state=pl.when(pl.col("adjusted").fill_null(1.0) > level)
        .then(pl.lit("as expected"))
        .when(low)
        .then(pl.lit("under"))
        .otherwise(pl.lit("over"))
    )
    rows = [(name, known.height, p) for (name, _), (p, _) in zip(cut, tested, strict=True)]
    schema = {name: _DIMENSIONS[name] for name in ("dimension", "items", "p")}
    dimensions = pl.DataFrame(rows, schema=schema, orient="row")
    dimensions = dimensions.with_columns(adjusted=_adjusted(dimensions["p"])).with_columns(
        differs=pl.col("adjusted").fill_null(1.0) <= level
    )
    mend = [row for name, cells in cut for row in _mending(name, cells, values, known, most, seed)]
    lost = gold.height - known.height
    verb = "item is" if lost == 1 else "items are"
    notes = (f"{lost} gold {verb} not in the corpus, and left out of the comparison",) if lost else ()
    frame = pl.DataFrame(mend, schema=_MEND, orient="row")
    return Fit(dimensions, values.select(_VALUES.keys()), frame, notes)


def _check(corpus: pl.DataFrame, columns: Sequence[str]) -> None:
    for name in ("item", *columns):
        if name not in corpus.columns:
            hint = did_you_mean(name, corpus.columns)
            raise GoldError(f"the corpus has no column {name!r}", available=corpus.columns, hint=hint)
        if corpus[name].dtype.is_nested():
            raise GoldError(f"the corpus's column {name!r} holds {corpus[name].dtype}, not one value a row")
    twice = corpus.filter(pl.col("item").is_duplicated())["item"].unique(maintain_order=True)
    if twice.len():
        raise GoldError(f"the corpus has items more than once: {some(twice)}")


def _cells(corpus: pl.DataFrame, name: str) -> pl.DataFrame:
    """Return item, value (text) and rank, the order in which values are shown."""
    rows = corpus.select("item", raw=pl.col(name))
    kind = rows["raw"].dtype
    if kind.is_float():
        rows = rows.with_columns(pl.col("raw").fill_nan(None))
    named = _parts(rows) if kind.is_numeric() or kind.is_temporal() else _most_frequent(rows)
    return named.select("item", "value", "rank")


def _parts(rows: pl.DataFrame) -> pl.DataFrame:
    """Cut numbers or times at quantiles of the corpus; equal ones stay together."""
    values = rows["raw"].drop_nulls().sort()
    n = values.len()
    edges = {values[min(n - 1, math.ceil(n * i / _PARTS) - 1)] for i in range(1, _PARTS)} if n else set()
    part = pl.sum_horizontal(
        [(pl.col("raw") > pl.lit(edge)).cast(pl.Int64) for edge in sorted(edges)] or [pl.lit(0)]
    )
    cut = rows.with_columns(rank=pl.when(pl.col("raw").is_null()).then(_PARTS).otherwise(part))
    ends = cut.group_by("rank").agg(low=pl.col("raw").min(), high=pl.col("raw").max())
    names = _ranges(list(ends.iter_rows()))
    return cut.with_columns(
        value=pl.col("rank").replace_strict(names, default=NONE, return_dtype=pl.String)
    ).cast({"rank": pl.Int64})


def _ranges(ends: list[tuple[int, Any, Any]]) -> dict[int, str]:
    """Name each part by its ends; floats in short, if that tells the parts apart."""
    for form in (".4g", "r"):
        names = {rank: _range(low, high, form) for rank, low, high in ends}
        if len(set(names.values())) == len(names):
            break
    return names


def _range(low: Any, high: Any, form: str) -> str:
    if low is None:
        return NONE
    one, other = (
        str(v) if not isinstance(v, float) else repr(v) if form == "r" else f"{v:{form}}" for v in (low, high)
    )
    return one if one == other else f"{one} to {other}"


def _most_frequent(rows: pl.DataFrame) -> pl.DataFrame:
    """Keep the most frequent values, and put the others together."""
    text = rows.with_columns(value=pl.col("raw").cast(pl.String).fill_null(NONE))
    counts = text.group_by("value").len().sort(-pl.col("len").cast(pl.Int64), "value")
    kept = counts["value"].head(_MOST_VALUES).to_list()
    order = {value: i for i, value in enumerate(sorted(kept))} | {OTHER: _MOST_VALUES}
    named = text.with_columns(
        value=pl.when(pl.col("value").is_in(kept)).then("value").otherwise(pl.lit(OTHER))
    )
    return named.with_columns(rank=pl.col("value").replace_strict(order, return_dtype=pl.Int64))


def _tested(name: str, cells: pl.DataFrame, known: pl.DataFrame) -> tuple[float | None, pl.DataFrame]:
    """Return the p-value of the dimension, and its values with theirs."""
    from scipy.stats import binomtest, chisquare

    inside = cells.join(known, on="item", how="semi").group_by("value").agg(items=pl.len())
    table = (
        cells.group_by("value", "rank")
        .agg(rows=pl.len())
        .join(inside, on="value", how="left")
        .sort("rank", "value")
    )
    table = table.with_columns(
        pl.col("items").fill_null(0).cast(pl.Int64), corpus=pl.col("rows") / cells.height
    )
    n = known.height
    found, expected = table["items"].to_numpy(), table["corpus"].to_numpy() * n
    merged = _merged(found, expected)
    p = float(chisquare(*merged).pvalue) if len(merged[0]) > 1 else None
    exact = [
        float(binomtest(k, n, min(share, 1.0)).pvalue) if n else None
        for k, share in table.select("items", "corpus").iter_rows()
    ]
    values = table.select(
        pl.lit(name).alias("dimension"),
        "value",
        "items",
        pl.Series("expected", expected, dtype=pl.Float64),
        "corpus",
        pl.Series("p", exact, dtype=pl.Float64),
    )
    return p, values


def _merged(found: np.ndarray, expected: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Put the cells with the fewest expected items together until each has enough."""
    cells = sorted(zip(expected.tolist(), found.tolist(), strict=True))
    while len(cells) > 1 and cells[0][0] < _LEAST_EXPECTED:
        (one, k), (other, m), *rest = cells
        cells = sorted([(one + other, k + m), *rest])
    if not cells or cells[0][0] < _LEAST_EXPECTED:
        return np.zeros(0), np.zeros(0)
    wanted, counts = np.array(cells).T
    return counts, wanted * counts.sum() / wanted.sum()


def _adjusted(p: pl.Series) -> pl.Series:
    given = p.cast(pl.Float64).fill_null(math.nan).to_numpy()
    return pl.Series(benjamini_hochberg(given), dtype=pl.Float64).fill_nan(None)


def _mending(
    name: str, cells: pl.DataFrame, values: pl.DataFrame, known: pl.DataFrame, most: int, seed: int
) -> Iterator[tuple[str, str, str]]:
    """Name items that would bring the values which are under up to their share of the corpus."""
    free = cells.join(known, on="item", how="anti")
    under = values.filter(pl.col("dimension") == name, pl.col("state") == "under")
    for value, items, share in under.select("value", "items", "corpus").iter_rows():
        lacking = min(most, math.ceil((share * known.height - items) / (1 - share))) if share < 1 else 0
        if not lacking:
            continue
        choice = free.filter(pl.col("value") == value)["item"].to_list()
        for item in sorted(choice, key=lambda item: event_hash(f"mend {item}", seed))[:lacking]:
            yield name, value, item
