"""The plain classifier on votes that a label model has to beat once there is gold."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Protocol

import numpy as np
import polars as pl

from weaklabel.errors import GoldError, some
from weaklabel.evaluate.evaluation import Evaluation, evaluate
from weaklabel.evaluate.rows import TIE_TOLERANCE, GoldTable, Table, gold_frame
from weaklabel.fingerprint import event_hash
from weaklabel.schema import LabelSchema
from weaklabel.slices import Slices

CODES = 128
"""Vote codes fit below this number."""
MAX_ITERATIONS = 1000


class EventsLike(Protocol):
    """Votes in long form, row after row (CSR)."""

    @property
    def indptr(self) -> np.ndarray:
        """Row i's votes stand from indptr[i] to indptr[i + 1]."""

    @property
    def labelers(self) -> np.ndarray:
        """Position of the labeler of each vote."""

    @property
    def codes(self) -> np.ndarray:
        """Code of each vote."""


class VotesLike(Protocol):
    """What a classifier asks of votes."""

    @property
    def ids(self) -> pl.Series:
        """Row ids."""

    @property
    def labelers(self) -> Sequence[str]:
        """Rule ids."""

    def events(self) -> EventsLike:
        """Return the votes in long form."""


def vote_classifier(
    votes: VotesLike,
    gold: GoldTable,
    *,
    schema: LabelSchema,
    folds: int = 5,
    seed: int = 0,
    frame: Table | None = None,
    slices: Slices | None = None,
    confidence: float = 0.95,
) -> Evaluation:
    """Score a plain logistic regression on the votes, cross-validated over the gold rows.

    One column per rule and code, 1 where the rule gave that vote; ridge penalty C = 1; fitted on the gold rows
    that have votes, each scored by the fit that has not seen it. Folds are stratified by gold label and go by a
    seeded hash of the id, so the answer does not depend on the order of rows, rules or classes.

    Parameters
    ----------
    votes
        A `LabelMatrix`.
    gold, schema, frame, slices, confidence
        As in `evaluate`.
    folds
        Number of folds, 2 or more.
    seed
        Seed of the folds and of the bootstrap.

    Returns
    -------
    Evaluation
        As `evaluate` gives it, on the out-of-fold probabilities. With too few rows or one class only, nothing is
        measured and `notes` says so. Intervals take the folds' predictions as given.

    Raises
    ------
    GoldError
        Gold is malformed, or an id of it has no row in `votes`.
    ValueError
        Fewer than two folds.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> ids = [f"row {i}" for i in range(40)]
    >>> events = SimpleNamespace(
    ...     indptr=np.arange(41), labelers=np.zeros(40, dtype=int), codes=np.arange(40) % 2)
    >>> votes = SimpleNamespace(ids=pl.Series(ids), labelers=("a",), events=lambda: events)
    >>> gold = pl.DataFrame({"id": ids, "label": ["ham", "spam"] * 20})
    >>> result = vote_classifier(votes, gold, schema=LabelSchema(["ham", "spam"]))
    >>> result.metrics["accuracy"].value
    1.0
    """
    if folds < 2:
        raise ValueError(f"cross-validation takes two folds or more, not {folds}")
    table, unlabeled = gold_frame(gold, schema)
    names = [schema.names[code] for code in table["code"]]
    columns = _design(votes, table["id"])
    kept = np.diff(columns.indptr) > 0
    known, ids = np.array(names, dtype=str)[kept], np.array(table["id"].to_list(), dtype=object)[kept]
    why = _too_few(known, folds)
    notes = [f"{unlabeled} gold rows have no label and are left out"] * (unlabeled > 0)
    probabilities: list[list[float] | None] = [None] * len(names)
    if not why:
        fitted, slow = _out_of_fold(columns[kept], known, ids, schema, folds, seed)
        for row, p in zip(np.flatnonzero(kept), fitted.tolist(), strict=True):
            probabilities[row] = p
        if slow:
            notes.append(f"classifier on votes: {slow} of {folds} fits stopped before they converged")
    found = evaluate(
        _label_table(table["id"], probabilities, schema),
        table.select("id", pl.Series("label", names, dtype=pl.String)),
        schema=schema,
        frame=frame,
        slices=slices,
        seed=seed,
        confidence=confidence,
    )
    return replace(found, notes=(*notes, why) if why else (*notes, *found.notes))


def _design(votes: VotesLike, ids: pl.Series) -> Any:
    """Return the one-hot votes of the rows `ids`: CSR, a column per rule and code, sorted by rule id."""
    from scipy import sparse

    at = pl.DataFrame({"id": votes.ids.cast(pl.String)}).with_row_index("at")
    found = pl.DataFrame({"id": ids}, schema={"id": pl.String}).join(
        at, on="id", how="left", maintain_order="left"
    )
    unknown = found.filter(pl.col("at").is_null())["id"]
    if unknown.len():
        raise GoldError(f"{unknown.len()} of {ids.len()} gold ids have no row in the votes: {some(unknown)}")
    rows = found["at"].to_numpy().astype(np.int64)
    rank = np.argsort(np.argsort(np.array(votes.labelers, dtype=str)))
    events = votes.events()
    codes = np.asarray(events.codes).astype(np.int64)
    said = codes >= 0
    indptr = np.concatenate([[0], np.cumsum(said)])[np.asarray(events.indptr)]
    keys = rank[np.asarray(events.labelers)[said]] * CODES + codes[said]
    shape = (len(indptr) - 1, max(len(rank), 1) * CODES)
    picked = sparse.csr_array((np.ones(len(keys)), keys, indptr), shape=shape)[rows]
    picked.sum_duplicates()
    used = np.unique(picked.indices)
    return picked[:, used]


def _too_few(names: np.ndarray, folds: int) -> str:
    _, counts = np.unique(names, return_counts=True)
    if len(counts) == 1:
        return "classifier on votes: all gold rows with votes have one label, nothing to learn"
    if len(names) < 2 * folds or (counts >= 2).sum() < 2:
        return (
            f"classifier on votes: {len(names)} gold rows with votes are too few for {folds} folds "
            "(two rows a fold, and two labels with two rows each, are the least)"
        )
    return ""


def _out_of_fold(
    columns: Any, names: np.ndarray, ids: Sequence[str], schema: LabelSchema, folds: int, seed: int
) -> tuple[np.ndarray, int]:
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression

    fold = _folds(names, ids, folds, seed)
    classes, target = np.unique(names, return_inverse=True)
    p = np.zeros((len(names), len(classes)))
    slow = 0
    for f in range(folds):
        inside = fold == f
        if not inside.any():
            continue
        model = LogisticRegression(max_iter=MAX_ITERATIONS)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            model.fit(columns[~inside], target[~inside])
        slow += int(model.n_iter_.max()) >= MAX_ITERATIONS
        p[np.ix_(inside, model.classes_)] = model.predict_proba(columns[inside])
    ordered = np.zeros((len(names), len(schema)))
    ordered[:, [schema.code(str(name)) for name in classes]] = p
    return ordered, slow


def _folds(names: np.ndarray, ids: Sequence[str], folds: int, seed: int) -> np.ndarray:
    """Return the fold of each row: rows of a label dealt out in the order of their hashes."""
    fold = np.empty(len(ids), dtype=np.int64)
    hashes = np.array([event_hash(f"row {i}", seed) for i in ids], dtype=np.uint64)
    for name in np.unique(names):
        rows = np.flatnonzero(names == name)
        dealt = rows[np.argsort(hashes[rows], kind="stable")]
        fold[dealt] = (np.arange(len(dealt)) + event_hash(f"label {name}", seed) % folds) % folds
    return fold


def _label_table(
    ids: pl.Series, probabilities: Sequence[list[float] | None], schema: LabelSchema
) -> pl.DataFrame:
    labels: list[str | None] = []
    for p in probabilities:
        top = [] if p is None else [code for code, value in enumerate(p) if value >= max(p) - TIE_TOLERANCE]
        labels.append(schema.names[top[0]] if len(top) == 1 else None)
    table = pl.DataFrame(
        {
            "id": ids,
            "label": pl.Series(labels, dtype=pl.String),
            "probabilities": pl.Series(probabilities, dtype=pl.List(pl.Float64)),
        }
    )
    status = (
        pl.when(pl.col("probabilities").is_null())
        .then(pl.lit("uncovered"))
        .when(pl.col("label").is_null())
        .then(pl.lit("tie"))
        .otherwise(pl.lit("labeled"))
    )
    return table.with_columns(status=status)
