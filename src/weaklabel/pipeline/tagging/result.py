"""What a run of a task whose rows may have several labels made and found out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from weaklabel import tracking
from weaklabel.errors import WeakLabelError
from weaklabel.evaluate import flat_metrics
from weaklabel.evaluate.tags import TagEvaluation
from weaklabel.schema import LabelSchema
from weaklabel.stats import Estimate


@dataclass(frozen=True, kw_only=True)
class TagRunResult:
    """What a run of a task whose rows may have several labels made and found out.

    Parameters
    ----------
    run_id, folder
        The run and the folder that holds all of it.
    task, rules_folder, schema
        The task's name, the folder of its rules, relative to the project, and its tags.
    held_out
        Gold is a test set: rules are not judged by it.
    statuses
        Number of rows of each status.
    overlaps, conflicts
        Share of the rows on which two rules or more vote, and on which one denies what another names.
    rules
        Table of the rules: `weaklabel.tags.rule_summary` with kind and place.
    tags
        Table of the tags: rows given, rows on which a rule names it, rules that may name it, estimated share of the rows.
    faults
        Number of faults per rule id.
    model
        Name of the model.
    scores
        Name -> evaluation against gold: the model, and majority_vote.
    difference
        Name of a metric -> the model's minus that of majority vote, on the same gold rows.
    sliced_difference
        The same for each slice.
    notes
        What a reader should know, in sentences.
    manifest
        What manifest.json holds.
    seconds
        How long it took, logging included.
    store, mlflow_run, tracking_error
        Where it was to be logged, MLflow's id of the run, and why it was not logged.
    """

    run_id: str
    folder: Path
    task: str
    rules_folder: str
    schema: LabelSchema
    held_out: bool = False
    statuses: Mapping[str, int]
    overlaps: float
    conflicts: float
    rules: pl.DataFrame
    tags: pl.DataFrame
    faults: Mapping[str, int]
    model: str
    scores: Mapping[str, TagEvaluation]
    difference: Mapping[str, Estimate]
    sliced_difference: Mapping[str, Mapping[str, Estimate]]
    notes: tuple[str, ...]
    manifest: Mapping[str, Any]
    seconds: float
    store: tracking.Store | None = None
    mlflow_run: str | None = None
    tracking_error: WeakLabelError | None = None

    @property
    def rows(self) -> int:
        """Number of rows of the corpus."""
        return sum(self.statuses.values())

    @property
    def coverage(self) -> float:
        """Share of the rows that have votes."""
        return 1 - self.statuses.get("uncovered", 0) / max(self.rows, 1)

    @property
    def cardinality(self) -> float:
        """Tags that a row is given, on average."""
        return int(self.tags["given"].sum()) / max(self.rows, 1)

    @property
    def tables(self) -> dict[str, pl.DataFrame]:
        """Tables that are logged, by the names of their files."""
        return {"lf_summary.json": self.rules, "tags.json": self.tags}

    def metrics(self) -> dict[str, float]:
        """Return every number under one flat name, as it is logged."""
        found: dict[str, float] = {
            "rows": self.rows,
            "coverage": self.coverage,
            "overlaps": self.overlaps,
            "conflicts": self.conflicts,
            "cardinality": self.cardinality,
            "faults": sum(self.faults.values()),
            "seconds": self.seconds,
        }
        found |= {f"rows.{status}": count for status, count in self.statuses.items()}
        for name, score in self.scores.items():
            prefix = "gold." if name == self.model else f"gold.{name}."
            found |= {prefix + key: value for key, value in score.flat().items()}
        if self.difference:
            named = {f"{name}_minus_majority_vote": each for name, each in self.difference.items()}
            sliced = {
                part: {f"{name}_minus_majority_vote": each for name, each in differences.items()}
                for part, differences in self.sliced_difference.items()
            }
            found |= {f"gold.{key}": value for key, value in flat_metrics(named, sliced).items()}
        return found

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for JSON."""
        return {
            "run_id": self.run_id,
            "folder": str(self.folder),
            "task": self.task,
            "model": self.model,
            "rows": self.rows,
            "statuses": dict(self.statuses),
            "held_out": self.held_out,
            "coverage": self.coverage,
            "overlaps": self.overlaps,
            "conflicts": self.conflicts,
            "cardinality": self.cardinality,
            "faults": {k: v for k, v in self.faults.items() if v},
            "rules": self.rules.to_dicts(),
            "tags": self.tags.to_dicts(),
            "fingerprints": dict(self.manifest["fingerprints"]),
            "scores": {name: score.to_dict() for name, score in self.scores.items()},
            "minus_majority_vote": {name: each.to_dict() for name, each in self.difference.items()},
            "minus_majority_vote_per_slice": {
                part: {name: each.to_dict() for name, each in differences.items()}
                for part, differences in self.sliced_difference.items()
            },
            "notes": list(self.notes),
            "mlflow": {"uri": self.store.uri, "experiment": self.store.experiment, "run_id": self.mlflow_run}
            if self.store
            else None,
            "tracking_error": str(self.tracking_error) if self.tracking_error else None,
            "seconds": self.seconds,
        }
