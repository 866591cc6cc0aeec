"""Gold rows joined with their labels, by id, as arrays that the metrics read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np
import polars as pl

from weaklabel.errors import GoldError, SchemaError, WeakLabelError, some
from weaklabel.schema import LABEL_COLUMNS, STATUSES, LabelSchema

TIE_TOLERANCE = 1e-6
"""Probabilities nearer than this are tied: they are stored in single precision."""

_NEEDED = ("id", "label", "status", "probabilities")


@runtime_checkable
class HasFrame(Protocol):
    """Anything that carries a table, such as a gold set."""

    @property
    def frame(self) -> pl.DataFrame:
        """The table."""


Table = pl.DataFrame | pl.LazyFrame
GoldTable = pl.DataFrame | pl.LazyFrame | HasFrame


@dataclass(frozen=True)
class Rows:
    """Gold rows with their labels, sorted by id; n rows, k classes.

    Parameters
    ----------
    ids
        Shape (n,), sorted.
    gold
        Class of the gold label, int64 (n,).
    answer
        Class that the label table gives, int64 (n,); -1: none (tie, uncovered, below the threshold).
    covered
        The row has votes, bool (n,).
    probabilities
        Float64 (n, k); zeros on rows without votes.
    guess
        The row's best answer shared out over the tied classes, float64 (n, k), rows sum to 1 (0 without votes):
        the label where there is one, else the most probable classes.
    """

    ids: np.ndarray
    gold: np.ndarray
    answer: np.ndarray
    covered: np.ndarray
    probabilities: np.ndarray
    guess: np.ndarray

    def __len__(self) -> int:
        return len(self.gold)

    def take(self, keep: np.ndarray) -> Rows:
        """Return the rows where `keep` is true."""
        return Rows(
            self.ids[keep],
            self.gold[keep],
            self.answer[keep],
            self.covered[keep],
            self.probabilities[keep],
            self.guess[keep],
        )

    @property
    def score(self) -> np.ndarray:
        """Share of the guess that is right, (n,): 1, 0, or 1 over the number of tied classes."""
        return self.guess[np.arange(len(self)), self.gold]


def gold_frame(gold: GoldTable, schema: LabelSchema) -> tuple[pl.DataFrame, int]:
    """Return gold as id and code, sorted by id, and the number of rows without a label.

    Raises
    ------
    SchemaError
        The schema is multi-label.
    GoldError
        A column is missing, an id is null or stands twice, a label is unknown.
    """
    if not schema.exclusive:
        raise SchemaError(
            "gold of a multi-label schema can't be scored as one label a row",
            hint="evaluate each label as a task of its own, present or absent",
        )
    table = gold.frame if isinstance(gold, HasFrame) else gold
    frame = table.lazy()
    missing = [name for name in ("id", "label") if name not in frame.collect_schema()]
    if missing:
        raise GoldError(
            f"gold has no column {missing[0]!r}",
            available=frame.collect_schema().names(),
            hint="gold has the columns id and label; `load_gold` takes other names",
        )
    rows = frame.select(pl.col("id").cast(pl.String), pl.col("label").cast(pl.String)).collect()
    labeled = rows.drop_nulls("label")
    unique_ids(labeled["id"], "gold")
    codes = {}
    for name in labeled["label"].unique().sort():
        try:
            codes[name] = schema.code(name)
        except SchemaError as error:
            raise GoldError(f"gold: {error.what}", available=error.available, hint=error.hint) from error
    code = (
        labeled["label"].replace_strict(codes, return_dtype=pl.Int64)
        if codes
        else pl.Series([], dtype=pl.Int64)
    )
    return labeled.select("id", code.alias("code")).sort("id"), rows.height - labeled.height


def join(labels: Table, gold: pl.DataFrame, schema: LabelSchema) -> Rows:
    """Return gold rows (id, code) with their labels, joined by id.

    Raises
    ------
    GoldError
        A gold id is not in the label table.
    WeakLabelError
        The label table is malformed.
    """
    found = _labels_of(labels, gold["id"])
    unique_ids(found["id"], "the label table")
    unknown = gold.join(found, on="id", how="anti")
    if unknown.height:
        raise GoldError(
            f"{unknown.height} of {gold.height} gold ids are not among the labels: {some(unknown['id'])}",
            hint="score a part of the labels by taking the same part of the gold",
        )
    rows = gold.join(found, on="id", how="left", maintain_order="left", validate="1:1")
    covered = (rows["status"] != "uncovered").to_numpy()
    probabilities = _probabilities(rows, covered, schema)
    answer = _answers(rows, schema)
    return Rows(
        rows["id"].to_numpy(),
        rows["code"].to_numpy().astype(np.int64),
        answer,
        covered,
        probabilities,
        _guess(probabilities, answer, covered),
    )


def _labels_of(labels: Table, ids: pl.Series) -> pl.DataFrame:
    frame = labels.lazy()
    columns = frame.collect_schema().names()
    missing = [name for name in _NEEDED if name not in columns]
    if missing:
        raise WeakLabelError(
            f"the label table has no column {missing[0]!r}",
            available=columns,
            hint=f"a label table has the columns {', '.join(LABEL_COLUMNS)}",
        )
    wanted = pl.LazyFrame({"id": ids}, schema={"id": pl.String})
    cells: dict[str, Any] = {"id": pl.String, "label": pl.String, "status": pl.String}
    return (
        frame.select(
            *(pl.col(name).cast(kind) for name, kind in cells.items()),
            pl.col("probabilities").cast(pl.List(pl.Float64)),
        )
        .join(wanted, on="id", how="semi")
        .sort("id")
        .collect()
    )


def unique_ids(ids: pl.Series, place: str) -> None:
    """Refuse ids that are null or stand twice."""
    if ids.null_count():
        raise GoldError(f"{ids.null_count()} ids in {place} are null", hint="every row needs an id")
    doubled = ids.filter(ids.is_duplicated()).unique().sort()
    if doubled.len():
        raise GoldError(
            f"{doubled.len()} ids stand more than once in {place}: {some(doubled)}",
            hint="`load_gold` settles repeated answers by time or by majority of annotators"
            * (place == "gold"),
        )


def _malformed(rows: pl.DataFrame, bad: pl.Series | np.ndarray, what: str, hint: str = "") -> None:
    ids = rows["id"].filter(pl.Series(bad))
    if ids.len():
        raise WeakLabelError(f"the label table: {what} at {ids.len()} ids: {some(ids)}", hint=hint or None)


def _probabilities(rows: pl.DataFrame, covered: np.ndarray, schema: LabelSchema) -> np.ndarray:
    k = len(schema)
    wrong = rows["probabilities"].is_null() | (rows["probabilities"].list.len() != k)
    _malformed(
        rows,
        wrong.fill_null(True).to_numpy() & covered,
        f"no {k} probabilities",
        "one per class, in schema order",
    )
    p = np.zeros((rows.height, k))
    p[covered] = rows["probabilities"].filter(pl.Series(covered)).explode().to_numpy().reshape(-1, k)
    sums = p.sum(axis=1)
    broken = ~((p.min(axis=1, initial=0) >= 0) & (abs(sums - 1) < 1e-3)) & covered
    _malformed(rows, broken, "probabilities that are negative or do not sum to 1")
    return p


def _answers(rows: pl.DataFrame, schema: LabelSchema) -> np.ndarray:
    _malformed(
        rows,
        (~rows["status"].is_in(STATUSES)).fill_null(True),
        "unknown status",
        f"known: {', '.join(STATUSES)}",
    )
    given = [
        name if status == "labeled" else None
        for name, status in zip(rows["label"], rows["status"], strict=True)
    ]
    unknown = [s == "labeled" and name not in schema for s, name in zip(rows["status"], given, strict=True)]
    _malformed(rows, np.array(unknown, dtype=bool), "labeled without a label of the schema")
    codes = {name: schema.code(name) for name in set(given) if name is not None}
    answer = [-1 if name is None else codes[name] for name in given]
    return np.array(answer, dtype=np.int64)


def _guess(probabilities: np.ndarray, answer: np.ndarray, covered: np.ndarray) -> np.ndarray:
    top = probabilities >= probabilities.max(axis=1, keepdims=True, initial=0) - TIE_TOLERANCE
    guess = top / np.maximum(top.sum(axis=1, keepdims=True), 1)
    given = answer >= 0
    guess[given] = np.eye(probabilities.shape[1])[answer[given]]
    return np.where(covered[:, None], guess, 0.0)
