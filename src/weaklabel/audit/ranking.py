"""Which labels are likelier to be wrong: a small logistic model of errors, from labels that people checked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from weaklabel.errors import GoldError, some

ON = "on:"
"""Prefix of columns that hold what a rule says of the row's label."""

TRUST = 0.5
"""How much of the label model's own log odds is believed before anybody has checked a label."""

_CLIP = 6.0
_STEPS, _TOLERANCE = 60, 1e-9


@dataclass(frozen=True)
class Evidence:
    """What is known of each row's label before people look; made by `evidence`.

    Parameters
    ----------
    features
        Distinct rows of features, shape (u, d), scaled so that a standard normal weight is a fair guess for each.
    kind
        Which of them each row of the population has, shape (n,).
    start
        Log odds that a label of that kind is wrong, by the label model's own confidence, shape (u,).

    Examples
    --------
    >>> found = evidence(pl.DataFrame({"id": ["a", "b"], "label": ["x", "x"], "confidence": [0.5, 0.5]}))
    >>> found.kind.tolist(), found.start.tolist()
    ([0, 0], [0.0])
    """

    features: np.ndarray
    kind: np.ndarray
    start: np.ndarray


def evidence(population: pl.DataFrame) -> Evidence:
    """Return what a population's labels look like to a model of their errors.

    Parameters
    ----------
    population
        Columns `label` and `confidence`; a row without confidence counts as one of which the model knows nothing.
        Columns `on:<rule>`, if any, hold what each rule says of the row's label; `with_votes` adds them.

    Examples
    --------
    >>> rows = pl.DataFrame({"label": ["x", "y"], "confidence": [0.9, None], "on:a": [1, -1]})
    >>> evidence(rows).features.shape
    (2, 10)
    """
    confidence = population["confidence"].cast(pl.Float64).fill_null(0.5).to_numpy()
    odds = np.log(np.clip(1 - confidence, 1e-9, 1)) - np.log(np.clip(confidence, 1e-9, 1))
    odds = np.clip(odds, -_CLIP, _CLIP)
    codes = population["label"].rank("dense").to_numpy().astype(np.int64) - 1
    signs = population.select(f"^{ON}.*$")
    given = signs.to_numpy() if signs.width else np.zeros((population.height, 0))
    rows = np.column_stack([odds, codes, given])
    distinct, kind = np.unique(rows, axis=0, return_inverse=True)
    start, code = distinct[:, 0], distinct[:, 1].astype(np.int64)
    return Evidence(_features(start, code, distinct[:, 2:]), kind.reshape(-1), start)


def _features(start: np.ndarray, code: np.ndarray, signs: np.ndarray) -> np.ndarray:
    one_hot = np.eye(int(code.max(initial=0)) + 1)[code]
    scaled = start[:, None] / 3
    parts = [np.ones((len(start), 1)), one_hot, scaled, one_hot * scaled]
    if signs.shape[1]:
        agree, against = signs > 0, signs < 0
        count = np.column_stack([agree.sum(axis=1), against.sum(axis=1)])
        parts += [np.log1p(count), agree.astype(np.float64), against.astype(np.float64)]
    return np.column_stack(parts)


def with_votes(population: pl.DataFrame, votes: pl.DataFrame, classes: Sequence[str]) -> pl.DataFrame:
    """Return the population with a column `on:<rule>` for each rule: 1 for the row's label, -1 against it, 0 silent.

    Parameters
    ----------
    population
        Columns `id` and `label`.
    votes
        Column `id` and Int8 vote columns `lf:<rule>`; rows of other ids are left out.
    classes
        Label names in the order of their codes.

    Raises
    ------
    GoldError
        A row of the population has no votes.

    Examples
    --------
    >>> rows = pl.DataFrame({"id": ["a", "b"], "label": ["x", "y"]})
    >>> votes = pl.DataFrame({"id": ["b", "a"], "lf:long": [0, -1], "lf:odd": [1, 0]})
    >>> with_votes(rows, votes, ["x", "y"]).rows()
    [('a', 'x', 0, 1), ('b', 'y', -1, 1)]
    """
    rules = [name for name in votes.columns if name.startswith("lf:")]
    missing = population.join(votes, on="id", how="anti")["id"]
    if missing.len():
        raise GoldError(
            f"there are no votes on {missing.len()} of {population.height} rows: {some(missing)}",
            hint="the votes are those of the run that gave the labels",
        )
    code = pl.col("label").replace_strict(
        list(classes), range(len(classes)), default=-9, return_dtype=pl.Int64
    )
    joined = population.join(votes.select("id", *rules), on="id", how="left", maintain_order="left")
    return joined.select(
        *population.columns,
        *(
            pl.when(pl.col(rule) < 0)
            .then(0)
            .when(pl.col(rule) == code)
            .then(1)
            .otherwise(-1)
            .cast(pl.Int8)
            .alias(ON + rule.removeprefix("lf:"))
            for rule in rules
        ),
    )


def chance_wrong(
    found: Evidence, places: np.ndarray, wrong: np.ndarray, *, trust: float = TRUST
) -> np.ndarray:
    """Return each kind's chance of a wrong label after people have checked some rows, shape (u,).

    Parameters
    ----------
    found
        What is known of the rows.
    places
        Rows that were checked, as positions; a row may stand once.
    wrong
        Whether each of them was wrong.
    trust
        Share of the label model's log odds that is believed from the start.

    Notes
    -----
    Logistic regression with standard normal priors on its weights, its most probable weights found by Newton's
    method over the checked rows (the weights are sums of their features, so that hundreds of rules cost nothing).
    The chances serve to order rows and to choose designs. No guarantee rests on them.

    Examples
    --------
    >>> rows = pl.DataFrame({"label": ["x", "x", "y", "y"], "confidence": [0.9, 0.9, 0.9, 0.9]})
    >>> chance_wrong(evidence(rows), np.array([0, 1, 2, 3]), np.array([False, False, True, True])).round(2).tolist()
    [0.22, 0.63]
    """
    offset = trust * found.start
    if not len(places):
        return logistic(offset)
    seen, back = np.unique(found.kind[places], return_inverse=True)
    n = np.bincount(back).astype(np.float64)
    x = np.bincount(back, weights=np.asarray(wrong, dtype=np.float64))
    features = found.features[seen]
    kernel = features @ features.T
    weights = np.zeros(len(seen))
    for _ in range(_STEPS):
        p = logistic(offset[seen] + kernel @ weights)
        # stationary where weights = x - n p; Newton's step of that equation
        step = np.linalg.solve(np.eye(len(seen)) + (n * p * (1 - p))[:, None] * kernel, x - n * p - weights)
        scale = min(1.0, 4.0 / max(float(np.abs(kernel @ step).max()), 1e-12))
        weights = weights + scale * step
        if float(np.abs(step).max()) < _TOLERANCE:
            break
    return logistic(offset + found.features @ (features.T @ weights))


def logistic(odds: np.ndarray) -> np.ndarray:
    """Return the chances that log odds stand for.

    Examples
    --------
    >>> logistic(np.array([0.0, 100.0])).round(3).tolist()
    [0.5, 1.0]
    """
    return 1 / (1 + np.exp(-np.clip(odds, -30, 30)))
