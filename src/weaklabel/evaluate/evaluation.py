"""Scoring a label table against gold, whole and per slice."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, overload

import numpy as np
import polars as pl

from weaklabel.errors import some
from weaklabel.evaluate import metrics
from weaklabel.evaluate.rows import GoldTable, Rows, Table, gold_frame, join
from weaklabel.schema import LabelSchema
from weaklabel.slices import Slices, slice_members
from weaklabel.stats import Estimate, paired_difference

FEW = 30
"""With fewer rows than this a figure says nothing."""


@dataclass(frozen=True)
class Evaluation:
    """What gold says about labels.

    Parameters
    ----------
    metrics
        `coverage`, `accuracy`, `accuracy_labeled`, `macro_f1`, `log_loss`, `brier`, `ece`; see `evaluate`.
    per_class
        A line per class: `n_gold`, `n` (of them with votes), `coverage`, then `precision`, `recall` and `f1`,
        each with `_low`, `_high` and `_n`.
    confusion
        Counts: a line per gold label, a column per given label and one for `no label`.
    reliability
        Calibration bins: `bin`, `from`, `to`, `n`, `confidence`, `accuracy`, `accuracy_low`, `accuracy_high`.
    slices
        The same for each slice.
    notes
        What could not be measured and why, in sentences.
    n_gold
        Number of gold rows.
    coverage
        Share of the gold rows that have votes; None without gold rows.

    Examples
    --------
    >>> schema = LabelSchema(["ham", "spam"])
    >>> labels = pl.DataFrame({"id": ["a", "b"], "label": ["ham", "spam"], "status": "labeled",
    ...                        "probabilities": [[0.9, 0.1], [0.2, 0.8]]})
    >>> gold = pl.DataFrame({"id": ["a", "b"], "label": ["ham", "ham"]})
    >>> result = evaluate(labels, gold, schema=schema)
    >>> print(result.metrics["accuracy"])
    0.500 [0.095, 0.905] n=2
    >>> result.confusion.rows()
    [('ham', 1, 1, 0), ('spam', 0, 0, 0)]
    >>> result.flat()["class.ham.recall"]
    0.5
    """

    metrics: dict[str, Estimate]
    per_class: pl.DataFrame
    confusion: pl.DataFrame
    reliability: pl.DataFrame
    slices: dict[str, Evaluation] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    n_gold: int = 0
    coverage: float | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for JSON: numbers, text, None, lists and dicts."""
        return {
            "n_gold": self.n_gold,
            "coverage": self.coverage,
            "metrics": {name: estimate.to_dict() for name, estimate in self.metrics.items()},
            "per_class": self.per_class.to_dicts(),
            "confusion": self.confusion.to_dicts(),
            "reliability": self.reliability.to_dicts(),
            "notes": list(self.notes),
            "slices": {name: part.to_dict() for name, part in self.slices.items()},
        }

    def flat(self) -> dict[str, float]:
        """Return every measured number under one flat name, for a tracking server.

        Names are `accuracy`, `accuracy_low`, `accuracy_high`, `n_gold`, `class.<label>.f1_low`,
        `slice.<name>.accuracy` and so on; characters that a tracking server refuses become `_`.
        What could not be measured is left out.
        """
        found = {"n_gold": float(self.n_gold), **flat_metrics(self.metrics)}
        parts = [name + suffix for name in ("precision", "recall", "f1") for suffix in ("", "_low", "_high")]
        for line in self.per_class.iter_rows(named=True):
            for name in parts:
                if line[name] is not None:
                    put_free(found, f"class.{plain_name(line['label'])}", name, line[name])
        for slice_name, part in self.slices.items():
            for name, value in part.flat().items():
                if not name.startswith("class."):
                    put_free(found, f"slice.{plain_name(slice_name)}", name, value)
        return found


def flat_metrics(
    metrics: Mapping[str, Estimate], slices: Mapping[str, Mapping[str, Estimate]] | None = None
) -> dict[str, float]:
    """Return estimates and the ends of their intervals as flat numbers, for a tracking server.

    Examples
    --------
    >>> sorted(flat_metrics({"gain": Estimate(0.1, 0.0, 0.2, 9)}, {"a/b": {"gain": Estimate(0.3, None, None, 2)}}))
    ['gain', 'gain_high', 'gain_low', 'slice.a_b.gain']
    """
    found: dict[str, float] = {}
    for name, estimate in metrics.items():
        for suffix, value in (("", estimate.value), ("_low", estimate.low), ("_high", estimate.high)):
            if value is not None:
                found[name + suffix] = value
    for slice_name, part in (slices or {}).items():
        for name, value in flat_metrics(part).items():
            put_free(found, f"slice.{plain_name(slice_name)}", name, value)
    return found


def evaluate(
    labels: Table,
    gold: GoldTable,
    *,
    schema: LabelSchema,
    frame: Table | None = None,
    slices: Slices | None = None,
    seed: int = 0,
    confidence: float = 0.95,
    resamples: int = 1000,
) -> Evaluation:
    """Score a label table against gold rows.

    Parameters
    ----------
    labels
        Label table with `id`, `label`, `status` and `probabilities` (in schema order); joined by id.
    gold
        Gold set, or a table with `id` and `label` (names or aliases of the schema; null: no gold).
    schema
        The labels, in the order of the probabilities.
    frame
        Rows that slices look at: `id` and any columns.
    slices
        Name to SQL text or Polars expression that is true on the rows of the slice; null and NaN are not in it.
    seed
        Seed of the bootstrap.
    confidence
        Nominal coverage of all intervals.
    resamples
        Number of bootstrap resamples.

    Returns
    -------
    Evaluation
        `accuracy`: over gold rows that have votes; a row's answer is its label, or without one (tie,
        below_threshold) its most probable class, and a tie counts 1 over the number of tied classes.
        `accuracy_labeled`: over gold rows that have a label. `macro_f1`: mean F1 over the classes that have gold
        rows with votes, ties shared out in the same way. `log_loss`: natural logarithm, probabilities raised to
        1e-6. `brier`: sum over classes, 0 to 2. `ece`: 15 equal-width bins of the answer's probability. All
        over gold rows with votes; `coverage` beside each says which share of the gold rows that is.
        Intervals: Wilson for shares (at the effective number of rows where ties are split), on the Jaccard index
        for F1 of a class, the bootstrap over rows for the rest (macro F1 no narrower than its classes allow; ECE within
        the noise of its bins). With fewer than 10 rows the latter have no interval.

    Raises
    ------
    GoldError
        Gold is malformed, or an id of it is not among the labels or not in `frame`.
    ConfigError, Problems
        A slice is no condition over `frame`.
    WeakLabelError
        The label table is malformed.

    Examples
    --------
    >>> schema = LabelSchema(["ham", "spam"])
    >>> labels = pl.DataFrame({
    ...     "id": ["a", "b", "c", "d"],
    ...     "label": ["ham", "spam", None, None],
    ...     "status": ["labeled", "labeled", "tie", "uncovered"],
    ...     "probabilities": [[0.9, 0.1], [0.2, 0.8], [0.5, 0.5], None],
    ... })
    >>> gold = pl.DataFrame({"id": ["a", "b", "c", "d"], "label": ["ham", "ham", "spam", "spam"]})
    >>> result = evaluate(labels, gold, schema=schema)
    >>> result.metrics["accuracy"].value, result.coverage
    (0.5, 0.75)
    >>> result.notes
    ('3 gold rows with votes: too few rows to say anything',)
    """
    table, unlabeled = gold_frame(gold, schema)
    rows = join(labels, table, schema)

    def score(part: Rows) -> Evaluation:
        return _score(part, schema, seed=seed, confidence=confidence, resamples=resamples)

    members = slice_members(frame, slices or {}, rows.ids, of="gold")
    whole, parts = score(rows), {name: score(rows.take(inside)) for name, inside in members.items()}
    notes = [*whole.notes]
    if unlabeled:
        notes.insert(0, f"{unlabeled} gold rows have no label and are left out")
    notes += [f"slice {name!r}: {part.notes[0]}" for name, part in parts.items() if _few(part)]
    return replace(whole, slices=parts, notes=tuple(notes))


@overload
def accuracy_difference(
    labels: Table, other: Table, gold: GoldTable, *, schema: LabelSchema, confidence: float = ...
) -> Estimate: ...
@overload
def accuracy_difference(
    labels: Table,
    other: Table,
    gold: GoldTable,
    *,
    schema: LabelSchema,
    frame: Table | None,
    slices: Slices,
    confidence: float = ...,
) -> dict[str, Estimate]: ...
def accuracy_difference(
    labels: Table,
    other: Table,
    gold: GoldTable,
    *,
    schema: LabelSchema,
    frame: Table | None = None,
    slices: Slices | None = None,
    confidence: float = 0.95,
) -> Estimate | dict[str, Estimate]:
    """Return the accuracy of one label table minus that of another, on the gold rows where both have votes.

    Paired row by row, so that it tells apart what two overlapping intervals can't. An interval that holds 0
    means: these gold rows can't tell the two apart.

    Parameters
    ----------
    labels, other
        Label tables.
    gold, schema, frame, confidence
        As in `evaluate`.
    slices
        Name to condition, as in `evaluate`; then the answer is one estimate for each of them.

    Examples
    --------
    >>> schema = LabelSchema(["ham", "spam"])
    >>> def table(p):
    ...     return pl.DataFrame({"id": ["a", "b"], "label": None, "status": "tie", "probabilities": p},
    ...                         schema_overrides={"label": pl.String})
    >>> gold = pl.DataFrame({"id": ["a", "b"], "label": ["ham", "ham"]})
    >>> one, two = table([[1, 0], [1, 0]]), table([[0.5, 0.5], [1, 0]])
    >>> print(accuracy_difference(one, two, gold, schema=schema))
    0.250 [-0.409, 0.659] n=2
    >>> first = {"first": "id = 'a'"}
    >>> accuracy_difference(one, two, gold, schema=schema, frame=gold, slices=first)["first"].value
    0.5
    """
    table, _ = gold_frame(gold, schema)
    one, two = join(labels, table, schema), join(other, table, schema)

    def difference(chosen: np.ndarray) -> Estimate:
        both = one.covered & two.covered & chosen
        found = paired_difference(one.take(both).score - two.take(both).score, confidence=confidence)
        share = float(both.sum() / chosen.sum()) if chosen.any() else None
        return replace(found, coverage=share)

    if slices is None:
        return difference(np.ones(len(one), dtype=bool))
    members = slice_members(frame, slices, one.ids, of="gold")
    return {name: difference(inside) for name, inside in members.items()}


def _score(rows: Rows, schema: LabelSchema, *, seed: int, confidence: float, resamples: int) -> Evaluation:
    found = metrics.headline(rows, schema, seed=seed, confidence=confidence, resamples=resamples)
    return Evaluation(
        metrics=found,
        per_class=metrics.per_class(rows, schema, confidence=confidence),
        confusion=metrics.confusion(rows, schema),
        reliability=metrics.reliability(rows, confidence=confidence),
        notes=tuple(_notes(rows, schema)),
        n_gold=len(rows),
        coverage=found["coverage"].value,
    )


def _notes(rows: Rows, schema: LabelSchema) -> list[str]:
    n = int(rows.covered.sum())
    if not len(rows):
        return ["no gold rows: nothing can be measured"]
    if not n:
        return [f"none of the {len(rows)} gold rows has votes: nothing but coverage can be measured"]
    notes = []
    if n < FEW:
        notes.append(f"{n} gold row{'s' * (n != 1)} with votes: too few rows to say anything")
    kept = rows.take(rows.covered)
    without = [name for code, name in enumerate(schema.names) if not (kept.gold == code).any()]
    never = [name for code, name in enumerate(schema.names) if not kept.guess[:, code].any()]
    if without:
        notes.append(
            f"no gold rows with votes for {some(without)}: recall and F1 can't be measured, macro F1 is over the others"
        )
    if never:
        notes.append(f"{some(never)} never given to a gold row: precision can't be measured")
    return notes


def _few(part: Evaluation) -> bool:
    return part.metrics["accuracy"].n < FEW


def plain_name(name: str) -> str:
    """Return a name without the characters that a tracking server refuses."""
    return re.sub(r"[^\w \-]", "_", name)[:80].strip() or "_"


def put_free(found: dict[str, float], place: str, name: str, value: float) -> None:
    """Put a value under `place.name`, with a number after `place` where that is taken."""
    key, number = f"{place}.{name}", 1
    while key in found:
        number += 1
        key = f"{place}_{number}.{name}"
    found[key] = value
