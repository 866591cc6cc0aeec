"""Scoring the tags of a multi-label task against gold, whole and per slice, and two ways against each other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, overload

import numpy as np
import polars as pl

from weaklabel.errors import WeakLabelError, some
from weaklabel.evaluate import tag_metrics
from weaklabel.evaluate.evaluation import FEW, flat_metrics, plain_name, put_free
from weaklabel.evaluate.metrics import MIN_BOOTSTRAP
from weaklabel.evaluate.rows import GoldTable, Table
from weaklabel.evaluate.tag_rows import TagRows, join_tags, tag_gold
from weaklabel.schema import LabelSchema
from weaklabel.slices import Slices, slice_members
from weaklabel.stats import Estimate, bootstrap, undefined

DIFFERENCES = (
    "micro_precision", "micro_recall", "micro_f1",
    "macro_precision", "macro_recall", "macro_f1",
    "sample_f1", "hierarchical_f1", "subset_accuracy",
)  # fmt: skip
"""What `tag_difference` compares."""
_PER_TAG_FLAT = ("precision", "recall", "f1")


@dataclass(frozen=True)
class TagEvaluation:
    """What gold says about tags.

    Parameters
    ----------
    metrics
        Name to estimate; see `evaluate_tags`.
    per_tag
        A line per tag: `tag`, `n_gold`, `n_given`, `coverage` (share of its gold rows that have votes), `reachable`
        (share of its gold rows on which it is a candidate), then `precision`, `recall` and `f1`, each with `_low`,
        `_high` and `_n`, and `average_precision` with `_low` and `_high`.
    curves
        Precision and recall over thresholds: `tag` (null: all together), `threshold`, `n_given`, `precision` and
        `recall`, each with `_low` and `_high`; at most 50 points a curve.
    slices
        The same for each slice.
    notes
        What could not be measured, or is measured on few rows, in sentences.
    n_gold
        Number of gold rows.
    coverage
        Share of the gold rows that have votes; None without gold rows.

    Examples
    --------
    >>> schema = LabelSchema(["ai", "web"], exclusive=False)
    >>> labels = pl.DataFrame({"id": ["a", "b"], "labels": [["ai"], ["ai", "web"]], "status": "labeled"})
    >>> gold = pl.DataFrame({"id": ["a", "b"], "labels": [["ai"], ["web"]]})
    >>> result = evaluate_tags(labels, gold, schema=schema)
    >>> print(result.metrics["micro_f1"])
    0.800 n=2
    >>> result.per_tag.select("tag", "n_gold", "n_given", "precision", "recall").rows()
    [('ai', 1, 2, 0.5, 1.0), ('web', 1, 1, 1.0, 1.0)]
    """

    metrics: dict[str, Estimate]
    per_tag: pl.DataFrame
    curves: pl.DataFrame
    slices: dict[str, TagEvaluation] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    n_gold: int = 0
    coverage: float | None = None

    def curve(self, tag: str | None = None) -> pl.DataFrame:
        """Return the points of one tag's curve, or of all tags together, thresholds falling.

        Examples
        --------
        >>> schema = LabelSchema(["ai"], exclusive=False)
        >>> labels = pl.DataFrame({"id": ["a", "b"], "labels": [["ai"], []], "status": "labeled",
        ...                        "candidates": [["ai"], ["ai"]], "probabilities": [[0.75], [0.25]]})
        >>> gold = pl.DataFrame({"id": ["a", "b"], "labels": [["ai"], []]})
        >>> evaluate_tags(labels, gold, schema=schema).curve().select("threshold", "precision", "recall").rows()
        [(0.75, 1.0, 1.0), (0.25, 0.5, 1.0)]
        """
        wanted = pl.col("tag").is_null() if tag is None else pl.col("tag") == tag
        return self.curves.filter(wanted).drop("tag")

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for JSON: numbers, text, None, lists and dicts; of the curves, that of all tags together."""
        return {
            "n_gold": self.n_gold,
            "coverage": self.coverage,
            "metrics": {name: estimate.to_dict() for name, estimate in self.metrics.items()},
            "per_tag": self.per_tag.to_dicts(),
            "curve": self.curve().to_dicts(),
            "notes": list(self.notes),
            "slices": {name: part.to_dict() for name, part in self.slices.items()},
        }

    def flat(self) -> dict[str, float]:
        """Return measured numbers under flat names, for a tracking server.

        Names are `micro_f1`, `micro_f1_low`, `n_gold`, `tag.<name>.f1`, `slice.<name>.micro_f1` and so on. Of tags,
        precision, recall and F1 with their intervals; tags with fewer than 30 gold rows are left out.
        """
        found = {"n_gold": float(self.n_gold), **flat_metrics(self.metrics)}
        parts = [name + end for name in _PER_TAG_FLAT for end in ("", "_low", "_high")]
        for line in self.per_tag.filter(pl.col("n_gold") >= FEW).iter_rows(named=True):
            for name in parts:
                if line[name] is not None:
                    put_free(found, f"tag.{plain_name(line['tag'])}", name, line[name])
        for slice_name, part in self.slices.items():
            for name, value in part.flat().items():
                if not name.startswith("tag."):
                    put_free(found, f"slice.{plain_name(slice_name)}", name, value)
        return found


def evaluate_tags(
    labels: Table,
    gold: GoldTable,
    *,
    schema: LabelSchema,
    frame: Table | None = None,
    slices: Slices | None = None,
    seed: int = 0,
    confidence: float = 0.95,
    resamples: int = 1000,
    tags: Sequence[str] | None = None,
) -> TagEvaluation:
    """Score the tags of a multi-label task against gold rows.

    Parameters
    ----------
    labels
        Label table with `id`, `labels` (lists of the tags given) and `status`; with `candidates` and `probabilities`
        too, for curves and average precision. Joined by id.
    gold
        Gold set, or a table with `id` and `labels`: lists of names or aliases, or text split at `|`; an empty list:
        none of the tags; null: no gold.
    schema
        The tags; `exclusive: false`.
    frame
        Rows that slices look at: `id` and any columns.
    slices
        As in `evaluate`.
    seed, confidence, resamples
        Of the intervals, as in `evaluate`.
    tags
        Score these only, on both sides. None: all tags of the schema.

    Returns
    -------
    TagEvaluation
        All figures are over all gold rows: a row without votes is given no tag, and what gold has there is missed.
        `coverage` is the share of the gold rows that have votes; `micro_recall_covered` and `micro_f1_covered` are
        over these alone.
        `micro_*`: over all pairs of row and tag. `macro_*`: mean over the tags that have gold rows; a tag that is
        never given has precision 0 there. `sample_precision`: mean over the rows that are given a tag;
        `sample_recall`: over the rows that have one in gold; `sample_f1`: over all rows, 1 where both sides are empty.
        `hierarchical_*`: micro, after all ancestors were added on both sides. `subset_accuracy`: share of rows with
        exactly the right tags. `hamming_loss`: share of wrong pairs of row and tag. `cardinality_gold`,
        `cardinality_given`: tags a row. `micro_average_precision`, `macro_average_precision` (of tags with gold
        rows): from the probabilities, a tag that is no candidate counting as 0; only where the table has them.
        Intervals: Wilson for shares of rows and for precision and recall of a tag, on the Jaccard index for its F1, the
        bootstrap over rows for the rest (macro averages no narrower than their tags allow; where resampling shows no
        spread, Wilson's with a row as one trial). With fewer than 10 rows the latter have no interval.

    Raises
    ------
    GoldError
        Gold is malformed, or an id of it is not among the labels or not in `frame`.
    SchemaError
        The schema is exclusive, or `tags` names an unknown one.
    ConfigError, Problems
        A slice is no condition over `frame`.
    WeakLabelError
        The label table is malformed.

    Notes
    -----
    Hierarchical precision, recall and F1: S. Kiritchenko, S. Matwin, R. Nock, A. F. Famili, "Learning and evaluation
    in the presence of class hierarchies: application to text categorization", Canadian AI (2006), section 3. With
    `tags`, ancestors are added before the other tags leave.

    Examples
    --------
    >>> from weaklabel.schema import Label
    >>> schema = LabelSchema(["ai", Label("vision", parents=("ai",)), Label("text", parents=("ai",))], exclusive=False)
    >>> labels = pl.DataFrame({
    ...     "id": ["a", "b", "c"],
    ...     "labels": [["ai", "vision"], ["vision"], []],
    ...     "status": ["labeled", "labeled", "uncovered"],
    ... })
    >>> gold = pl.DataFrame({"id": ["a", "b", "c"], "labels": ["vision", "text", "text"]})
    >>> result = evaluate_tags(labels, gold, schema=schema)
    >>> {name: round(result.metrics[name].value, 3) for name in ("micro_f1", "hierarchical_f1", "coverage")}
    {'micro_f1': 0.333, 'hierarchical_f1': 0.6, 'coverage': 0.667}
    >>> result.notes[0]
    '3 gold rows: too few to say anything'
    """
    rows, unlabeled = _joined(labels, gold, schema, tags)

    def score(part: TagRows) -> TagEvaluation:
        return _score(part, seed=seed, confidence=confidence, resamples=resamples)

    members = slice_members(frame, slices or {}, rows.ids, of="gold")
    whole, parts = score(rows), {name: score(rows.take(inside)) for name, inside in members.items()}
    notes = [*whole.notes]
    if unlabeled:
        notes.insert(0, f"{unlabeled} gold rows say nothing about tags (null) and are left out")
    notes += [f"slice {name!r}: {part.notes[0]}" for name, part in parts.items() if part.n_gold < FEW]
    return replace(whole, slices=parts, notes=tuple(notes))


@overload
def tag_difference(
    labels: Table,
    other: Table,
    gold: GoldTable,
    *,
    schema: LabelSchema,
    seed: int = ...,
    confidence: float = ...,
    resamples: int = ...,
    tags: Sequence[str] | None = ...,
) -> dict[str, Estimate]: ...
@overload
def tag_difference(
    labels: Table,
    other: Table,
    gold: GoldTable,
    *,
    schema: LabelSchema,
    frame: Table | None,
    slices: Slices,
    seed: int = ...,
    confidence: float = ...,
    resamples: int = ...,
    tags: Sequence[str] | None = ...,
) -> dict[str, dict[str, Estimate]]: ...
def tag_difference(
    labels: Table,
    other: Table,
    gold: GoldTable,
    *,
    schema: LabelSchema,
    frame: Table | None = None,
    slices: Slices | None = None,
    seed: int = 0,
    confidence: float = 0.95,
    resamples: int = 1000,
    tags: Sequence[str] | None = None,
) -> dict[str, Estimate] | dict[str, dict[str, Estimate]]:
    """Return the metrics of one label table minus those of another on the same gold rows, with paired intervals.

    Both are scored on the same resamples of rows, so that what makes a row hard for both cancels. An interval that
    holds 0 means: these gold rows can't tell the two apart.

    Parameters
    ----------
    labels, other
        Label tables.
    gold, schema, frame, seed, confidence, resamples, tags
        As in `evaluate_tags`.
    slices
        Name to condition, as in `evaluate`; then the answer is by slice, and by metric in it.

    Returns
    -------
    dict
        Metric to difference: `micro_` and `macro_` precision, recall and F1, `sample_f1`, `hierarchical_f1`,
        `subset_accuracy`. With fewer than 10 rows, or where both give the same tags to all of them, there is no
        interval.

    Examples
    --------
    >>> schema = LabelSchema(["ai", "web"], exclusive=False)
    >>> gold = pl.DataFrame({"id": [str(i) for i in range(40)], "labels": [["ai"], ["web"]] * 20})
    >>> right = gold.with_columns(status=pl.lit("labeled"))
    >>> often = right.with_columns(labels=pl.Series([["ai"]] * 10 + right["labels"].to_list()[10:]))
    >>> print(tag_difference(right, often, gold, schema=schema)["micro_f1"])
    0.125 [0.025, 0.226] n=40
    """
    one, _ = _joined(labels, gold, schema, tags)
    two, _ = _joined(other, gold, schema, tags)

    def difference(chosen: np.ndarray) -> dict[str, Estimate]:
        return _difference(
            one.take(chosen), two.take(chosen), seed=seed, confidence=confidence, resamples=resamples
        )

    if slices is None:
        return difference(np.ones(len(one), dtype=bool))
    members = slice_members(frame, slices, one.ids, of="gold")
    return {name: difference(inside) for name, inside in members.items()}


def _joined(
    labels: Table, gold: GoldTable, schema: LabelSchema, tags: Sequence[str] | None
) -> tuple[TagRows, int]:
    table, unlabeled = tag_gold(gold, schema)
    rows = join_tags(labels, table, schema)
    if tags is None:
        return rows, unlabeled
    if isinstance(tags, str) or not len(tags):
        raise WeakLabelError(f"tags= is a list with at least one tag, not {tags!r}", available=schema.names)
    return rows.only(sorted({schema.code(tag, where="tags=") for tag in tags})), unlabeled


def _score(rows: TagRows, *, seed: int, confidence: float, resamples: int) -> TagEvaluation:
    table = tag_metrics.per_tag(rows, confidence=confidence)
    metrics, per_tag, curves = tag_metrics.headline(
        rows, table, seed=seed, confidence=confidence, resamples=resamples
    )
    return TagEvaluation(
        metrics=metrics,
        per_tag=per_tag,
        curves=curves,
        notes=tuple(_notes(rows, per_tag)),
        n_gold=len(rows),
        coverage=metrics["coverage"].value,
    )


def _difference(
    one: TagRows, two: TagRows, *, seed: int, confidence: float, resamples: int
) -> dict[str, Estimate]:
    n = len(one)
    if not n:
        return dict.fromkeys(DIFFERENCES, undefined(method="no gold rows"))
    at = [tag_metrics.RATES.index(name) for name in DIFFERENCES]
    ways = (tag_metrics.statistic(one), tag_metrics.statistic(two))

    def values(counts: np.ndarray) -> np.ndarray:
        first, second = (way(counts)[:, at] for way in ways)
        return first - second

    if n < MIN_BOOTSTRAP:
        why = f"no interval: fewer than {MIN_BOOTSTRAP} rows"
        found = tuple(Estimate(float(v), None, None, n, method=why) for v in values(np.ones((1, n)))[0])
    else:
        found = bootstrap(values, n, seed=seed, resamples=resamples, confidence=confidence)
    covered = float((one.covered & two.covered).mean())
    return {
        name: replace(e, coverage=covered, method=e.method.replace("over rows", "over rows, paired"))
        for name, e in zip(DIFFERENCES, found, strict=True)
    }


def _notes(rows: TagRows, per_tag: pl.DataFrame) -> list[str]:
    n = len(rows)
    if not n:
        return ["no gold rows: nothing can be measured"]
    notes = []
    if n < FEW:
        notes.append(f"{n} gold row{'s' * (n != 1)}: too few to say anything")
    if not rows.covered.any():
        notes.append(f"none of the {n} gold rows has votes: no tag is given")
    without = per_tag.filter(pl.col("n_gold") == 0)["tag"]
    if without.len():
        notes.append(
            f"no gold rows for {some(without)}: recall and F1 can't be measured, macro averages are over the others"
        )
    few = per_tag.filter(pl.col("n_gold").is_between(1, FEW - 1))["tag"]
    if few.len() and n >= FEW:
        notes.append(f"fewer than {FEW} gold rows for {some(few)}: their own figures say little")
    never = per_tag.filter((pl.col("n_given") == 0) & (pl.col("n_gold") > 0))["tag"]
    if never.len():
        notes.append(
            f"{some(never)} never given to a gold row: precision can't be measured, and counts 0 in the mean"
        )
    if rows.scores is None:
        notes.append("the label table has no candidates and probabilities: no curves, no average precision")
    return notes
