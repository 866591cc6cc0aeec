"""Strata of an audit: by label and confidence, or by what older gold says about which labels are wrong."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from weaklabel.audit.ranking import logistic
from weaklabel.errors import GoldError, some
from weaklabel.fingerprint import event_hash

ROWS_PER_BAND = 16
"""Labels that a band of confidence should get in proportion to its rows."""
MOST_BANDS = 5
"""Bands of confidence of one label, at most."""
PROPORTIONAL = 0.5
"""Share of the labels that goes to strata by their rows alone, whatever their confidence says."""
PROPORTIONAL_LEARNED = 0.3
"""The same where older gold says which labels are wrong."""
LEAST_OLDER = 50
"""Older gold labels without which nothing is learned from them."""
LEAST_SPREAD = 0.3
"""Features that vary less are divided by this all the same: a rule that seldom fires must not become a loud one."""
UNKNOWN = 0.8
"""What a label without a confidence counts as."""


@dataclass(frozen=True)
class Strata:
    """Rows with their stratum, and what is expected of it before anybody answers.

    Parameters
    ----------
    rows
        Columns `id`, `stratum` and `expected`: the probability that the label is right, as far as can be known.
    proportional
        Share of the labels that goes to strata by their rows alone; the rest by rows times expected spread.
    how
        How the strata were made, in words.
    """

    rows: pl.DataFrame
    proportional: float
    how: str


def label_strata(
    population: pl.DataFrame,
    size: int,
    *,
    seed: int,
    by: Sequence[str] = (),
    merge: bool = True,
) -> Strata:
    """Return strata by label, by columns such as source or time, and by bands of confidence with equally many rows.

    Parameters
    ----------
    population
        As `check_population` returns it.
    size
        Labels that the audit will ask for: it decides how fine the strata are.
    seed
        Seed of the order in which rows of equal confidence are shared among bands.
    by
        Further columns to separate.
    merge
        Whether labels (and combinations of `by`) of which fewer than two rows would be drawn in proportion share one
        stratum, "other".

    Raises
    ------
    GoldError
        A column of `by` is missing.

    Examples
    --------
    >>> rows = pl.DataFrame({"id": list("abcd"), "label": ["x", "x", "y", "y"], "confidence": [0.6, 0.9, 0.7, 0.8]})
    >>> label_strata(rows, 4, seed=1).rows.sort("id")["stratum"].to_list()
    ['x', 'x', 'y', 'y']
    """
    unknown = [name for name in by if name not in population.columns]
    if unknown:
        raise GoldError(f"the rows have no column {some(unknown)} to separate", available=population.columns)
    n = population.height
    cells = jittered(population, seed).select(
        "id",
        "jitter",
        pl.concat_str([pl.col(c).cast(pl.String).fill_null("(none)") for c in ("label", *by)], separator=", ")
        .alias("cell"),
        pl.col("confidence").fill_null(UNKNOWN).alias("expected"),
    )  # fmt: skip
    small = cells.group_by("cell").len().filter(pl.lit(merge) & (pl.col("len") * size < 2 * n))["cell"]
    cells = cells.with_columns(
        pl.when(pl.col("cell").is_in(small.implode())).then(pl.lit("other")).otherwise("cell").alias("cell")
    )
    wanted = (pl.len() * size / (ROWS_PER_BAND * n)).round().clip(1, MOST_BANDS).cast(pl.Int64)
    rows = (
        cells.sort("cell", "expected", "jitter")
        .with_columns(
            pl.int_range(pl.len()).over("cell").alias("place"),
            pl.len().over("cell").alias("all"),
            wanted.over("cell").alias("bands"),
        )
        .with_columns((pl.col("place") * pl.col("bands") // pl.col("all") + 1).alias("band"))
    )
    name = (
        pl.when(pl.col("bands") == 1)
        .then("cell")
        .otherwise(pl.format("{}, band {} of {}", "cell", "band", "bands"))
    )
    how = "label and bands of confidence" if not by else f"label, {', '.join(by)} and bands of confidence"
    return Strata(rows.select("id", name.alias("stratum"), "expected"), PROPORTIONAL, how)


def learned_strata(
    population: pl.DataFrame,
    size: int,
    older: pl.DataFrame,
    *,
    seed: int,
    features: pl.DataFrame | None = None,
) -> Strata:
    """Return strata by how likely a label is to be wrong, learned from older gold.

    Parameters
    ----------
    population
        As `check_population` returns it.
    size
        Labels that the audit will ask for.
    older
        Gold of earlier times, columns `id` and `label`; of rows of this population. It may be of any role: it decides
        where to look, and never enters the estimate.
    seed
        Seed of the order of rows that are equally likely to be wrong.
    features
        `id` and numbers that may tell right labels from wrong ones: votes for and against, margin, one column a rule
        (1 agrees with the label, -1 contradicts, 0 silent).

    Raises
    ------
    GoldError
        Fewer than `LEAST_OLDER` of the older labels are of this population, or a feature is no number.

    Notes
    -----
    A ridge logistic regression of "the label is right" on label, confidence and features; strata are stretches of
    its score with equal sums of half the spread and half the rows.
    """
    known = population.join(older.select("id", pl.col("label").alias("gold")), on="id", how="inner")
    if known.height < LEAST_OLDER:
        raise GoldError(
            f"{known.height} of {older.height} older gold labels are of rows in this population, and it takes "
            f"{LEAST_OLDER} to learn from them",
            hint="audit by label and confidence instead",
        )
    design = _design(population, features)
    place = {id: i for i, id in enumerate(population["id"])}
    at = np.array([place[id] for id in known["id"]])
    right = known.select((pl.col("label") == pl.col("gold")).fill_null(False)).to_series().to_numpy()
    weights = ridge_logistic(design[at], right.astype(np.float64))
    score = np.clip(logistic(design @ weights[1:] + weights[0]), 0.02, 0.98)
    spread = np.sqrt(score * (1 - score))
    count = max(1, min(40, round(size / ROWS_PER_BAND)))
    rows = (
        jittered(population, seed)
        .select("id", "jitter", pl.Series("expected", score))
        .with_columns(pl.Series("size", 0.5 * spread / spread.sum() + 0.5 / len(score)))
        .sort("expected", "jitter")
        .with_columns(
            ((pl.col("size").cum_sum() - pl.col("size") / 2) * count)
            .cast(pl.Int64)
            .clip(0, count - 1)
            .alias("s")
        )
    )
    name = pl.format(
        "likely right {} of {}", pl.col("s").rank("dense").cast(pl.Int64), pl.col("s").n_unique()
    )
    how = f"how likely a label is to be wrong, learned from {known.height} older gold labels"
    return Strata(rows.select("id", name.alias("stratum"), "expected"), PROPORTIONAL_LEARNED, how)


def ridge_logistic(x: np.ndarray, y: np.ndarray, *, penalty: float = 1.0, steps: int = 50) -> np.ndarray:
    """Return intercept and weights of a logistic regression with a quadratic penalty on the weights.

    Parameters
    ----------
    x
        Features, shape (n, f).
    y
        0 or 1, shape (n,).
    penalty
        Half of it times the squared weights is added to the negative log likelihood.
    steps
        Newton steps at most.

    Examples
    --------
    >>> weights = ridge_logistic(np.array([[-1.0], [-1.0], [1.0], [1.0]]), np.array([0.0, 0.0, 1.0, 1.0]))
    >>> bool(abs(weights[0]) < 1e-9), bool(weights[1] > 0)
    (True, True)
    """
    x1 = np.column_stack([np.ones(len(x)), x])
    held = np.eye(x1.shape[1]) * penalty
    held[0, 0] = 1e-3
    weights = np.zeros(x1.shape[1])
    for _ in range(steps):
        p = logistic(x1 @ weights)
        slope = x1.T @ (y - p) - held @ weights
        step = np.linalg.solve((x1 * np.maximum(p * (1 - p), 1e-6)[:, None]).T @ x1 + held, slope)
        weights = weights + step
        if abs(step).max() < 1e-8:
            break
    return weights


def jittered(rows: pl.DataFrame, seed: int) -> pl.DataFrame:
    """Return rows with a column `jitter`, a seeded hash of the id that orders what is alike; as it is if it has one.

    Examples
    --------
    >>> jittered(pl.DataFrame({"id": ["a", "b"]}), 1).columns
    ['id', 'jitter']
    """
    if "jitter" in rows.columns:
        return rows
    keys = np.fromiter((event_hash(f"strata {id}", seed) for id in rows["id"]), np.uint64, rows.height)
    return rows.with_columns(pl.Series("jitter", keys))


def _design(population: pl.DataFrame, features: pl.DataFrame | None) -> np.ndarray:
    """Return standardised columns: confidence, its log odds, features, and one for each label."""
    sure = population["confidence"].fill_null(UNKNOWN).to_numpy()
    clipped = np.clip(sure, 1e-6, 1 - 1e-6)
    columns = [sure, np.log(clipped / (1 - clipped))]
    if features is not None:
        joined = population.select("id").join(features, on="id", how="left", maintain_order="left")
        if joined.height != population.height:
            raise GoldError("an id stands more than once among the features")
        columns += [_numbers(joined[name]) for name in features.columns if name != "id"]
    x = np.column_stack(columns)
    spread = x.std(axis=0)
    x = (x - x.mean(axis=0)) / np.maximum(spread, LEAST_SPREAD)
    names, code = np.unique(population["label"].fill_null("").to_numpy().astype(str), return_inverse=True)
    one = np.eye(len(names))[code]
    return np.column_stack([x, one - one.mean(axis=0)])


def _numbers(column: pl.Series) -> np.ndarray:
    if not (column.dtype.is_numeric() or column.dtype == pl.Boolean):
        raise GoldError(f"features are numbers, and column {column.name!r} holds {column.dtype}")
    found = column.cast(pl.Float64).fill_null(0.0).to_numpy()
    if not np.isfinite(found).all():
        raise GoldError(f"column {column.name!r} of the features holds what is no number")
    return found
