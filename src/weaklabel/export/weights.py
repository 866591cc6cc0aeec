"""Columns for a training run: how much a row's class weighs, and how often the row is to be taken."""

from __future__ import annotations

import numpy as np
import polars as pl

from weaklabel.errors import ConfigError
from weaklabel.fingerprint import event_hash

CAP = 10.0
"""How many times the weight of the commonest class another may have."""

_LABELED = pl.col("status") == "labeled"


def with_weights(labels: pl.DataFrame, *, cap: float = CAP, seed: int = 0) -> pl.DataFrame:
    """Return a label table with `class_weight` and `resampling`.

    A class that is rarer than the commonest by a factor f weighs f times as much, at most `cap` times. Weights are
    scaled so that their mean over all labels given is 1: the size of a loss stays what it was.

    Parameters
    ----------
    labels
        Label table of an exclusive task (`label`, `status`), or of a multi-label task (`labels`, `status`).
    cap
        1 or more. A class of one row would else outweigh everything.
    seed
        Of `resampling`: which rows are taken once more where the factor is no whole number; by a hash of the id.

    Returns
    -------
    polars.DataFrame
        `class_weight`: for a loss; null in a row without a label. In a multi-label task, a list with a weight for each
        of `labels`. `resampling`: how often to take the row instead; 1 for the commonest class, `cap` at most, null in
        a row without votes; in a multi-label task that of its rarest tag. Use one of the two, not both.

    Raises
    ------
    ConfigError
        `cap` is less than 1.

    Notes
    -----
    How rare a class is, is counted among the labels of this table: that is what a training run sees. Rows of several
    tags are taken by their rarest: A. Gupta, P. Dollár, R. Girshick, "LVIS: a dataset for large vocabulary instance
    segmentation", CVPR (2019), section 4, there with a square root.

    Examples
    --------
    >>> labels = pl.DataFrame({"id": list("abcde"), "label": ["ham", "ham", "ham", "spam", None],
    ...                        "status": ["labeled"] * 4 + ["tie"]})
    >>> with_weights(labels).select("class_weight", "resampling").rows()[2:]
    [(0.6666666865348816, 1), (2.0, 3), (None, None)]
    """
    if not cap >= 1:
        raise ConfigError(f"a cap of weights is 1 or more, not {cap}", hint=f"{CAP:g} is the default")
    lists = "labels" in labels.columns
    given = labels["labels"].explode().drop_nulls() if lists else labels.filter(_LABELED)["label"]
    counts = dict(given.value_counts().iter_rows())
    times = {name: min(max(counts.values()) / counts[name], cap) for name in sorted(counts)}
    mean = sum(times[name] * counts[name] for name in times) / max(given.len(), 1)
    weights = {name: factor / mean for name, factor in times.items()}
    if lists:
        weight = pl.col("labels").list.eval(_looked_up(pl.element(), weights, pl.Float32))
        most = pl.col("labels").list.eval(_looked_up(pl.element(), times, pl.Float64)).list.max()
        factor = pl.when(pl.col("status") != "uncovered").then(most.fill_null(1.0)).otherwise(None)
    else:
        label = pl.when(_LABELED).then(pl.col("label")).otherwise(None)
        weight, factor = _looked_up(label, weights, pl.Float32), _looked_up(label, times, pl.Float64)
    return labels.with_columns(
        class_weight=weight, resampling=_taken(labels.select("id", factor=factor), seed)
    )


def _looked_up(names: pl.Expr, values: dict[str, float], kind: type[pl.DataType]) -> pl.Expr:
    return names.replace_strict(values, default=None, return_dtype=kind)


def _taken(rows: pl.DataFrame, seed: int) -> pl.Series:
    """Return whole numbers of the same mean as the factors: the rest is decided by a hash of the id."""
    factor = rows["factor"].to_numpy().astype(np.float64)
    whole = np.floor(factor)
    rest = factor - whole
    open_ = np.flatnonzero(rest > 0)
    hashes = [event_hash(f"take {id}", seed) for id in rows["id"].gather(open_)]
    whole[open_] += np.array(hashes, dtype=np.float64) / 2**64 < rest[open_]
    return pl.Series("resampling", whole).fill_nan(None).cast(pl.Int32)
