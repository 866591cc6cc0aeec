"""Rows of the label table for one shard: what a fitted model says of its distinct rows of votes, spread over the rows."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from weaklabel.label_matrix import VotePatterns
from weaklabel.label_model.base import TIE
from weaklabel.schema import LabelSchema

COLUMNS: dict[str, Any] = {
    "id": pl.String,
    "label": pl.String,
    "status": pl.String,
    "probabilities": pl.List(pl.Float32),
    "n_votes": pl.Int32,
    "pattern": pl.Int64,
    "model": pl.String,
}


def answers(
    patterns: VotePatterns, model: Any, *, schema: LabelSchema, threshold: float | None, version: str
) -> pl.DataFrame:
    """Return what a model says of each pattern: the columns of the label table but for the id.

    Parameters
    ----------
    patterns
        Distinct rows of votes.
    model
        A fitted label model.
    schema
        The labels.
    threshold
        Rows whose best probability is lower are `below_threshold`.
    version
        The model's version, for the column `model`.

    Examples
    --------
    >>> from weaklabel import label_model
    >>> from weaklabel.label_matrix import LabelMatrix
    >>> votes = LabelMatrix.from_numpy([[0, 0], [0, 1], [-1, -1]], ids=["a", "b", "c"])
    >>> model = label_model.create("majority_vote", n_classes=2).fit(votes)
    >>> table = answers(votes.patterns(), model, schema=LabelSchema(["ham", "spam"]), threshold=None, version="m1")
    >>> table.sort("status").select("label", "status", "n_votes").rows()
    [('ham', 'labeled', 2), (None, 'tie', 2), (None, 'uncovered', 0)]
    """
    probabilities = model.predict_proba(patterns)
    covered = patterns.n_votes > 0
    ranked = np.partition(probabilities, -2, axis=1)
    best = ranked[:, -1]
    tied = best - ranked[:, -2] <= TIE * best
    labeled = covered & ~tied
    sure = labeled if threshold is None else labeled & (best >= threshold)
    kind = np.where(covered, np.where(tied, 1, np.where(sure, 0, 3)), 2)
    chosen = np.where(sure, probabilities.argmax(axis=1), -1)
    shown = np.where(covered, np.arange(len(patterns)), -1)
    return pl.DataFrame(
        {
            "label": pl.Series(schema.names, dtype=pl.String).gather(_or_null(chosen)),
            "status": pl.Series(["labeled", "tie", "uncovered", "below_threshold"]).gather(kind),
            "probabilities": _lists(probabilities).gather(_or_null(shown)),
            "n_votes": pl.Series(patterns.n_votes.astype(np.int32)),
            "pattern": pl.Series(patterns.keys, dtype=pl.Int64),
            "model": pl.Series([version], dtype=pl.String).new_from_index(0, len(patterns)),
        }
    )


def label_rows(ids: pl.Series, inverse: npt.NDArray[Any] | None, said: pl.DataFrame) -> pl.DataFrame:
    """Return the rows of the label table: what was said of each row's pattern, under its id, in the order of the ids.

    Parameters
    ----------
    ids
        (n,) String.
    inverse
        (n,) the pattern of each row; None: each row is its own.
    said
        What `answers` returned.

    Examples
    --------
    >>> said = pl.DataFrame([("ham", "labeled", [1.0, 0.0], 2, 7, "m1")], schema=list(COLUMNS)[1:], orient="row")
    >>> label_rows(pl.Series("id", ["x", "y"]), np.array([0, 0]), said).select("id", "label", "pattern").rows()
    [('x', 'ham', 7), ('y', 'ham', 7)]
    """
    spread = said if inverse is None else said[pl.Series(inverse)]
    return spread.with_columns(ids.rename("id")).select(*COLUMNS).cast(pl.Schema(COLUMNS))


def _or_null(positions: npt.NDArray[Any]) -> pl.Series:
    """Return positions to gather, null where they are below 0."""
    found = pl.Series(positions.astype(np.int64))
    return found.set(found < 0, None)


def _lists(probabilities: npt.NDArray[np.float64]) -> pl.Series:
    return pl.Series(np.ascontiguousarray(probabilities, np.float32)).arr.to_list()
