"""What a run made and found out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import polars as pl

from weaklabel import tracking
from weaklabel.errors import WeakLabelError
from weaklabel.evaluate import Evaluation, flat_metrics
from weaklabel.label_model.beliefs import Beliefs
from weaklabel.schema import LabelSchema
from weaklabel.stats import Estimate


@dataclass(frozen=True, kw_only=True)
class RunResult:
    """What a run made and found out.

    Parameters
    ----------
    run_id, folder
        The run and the folder that holds all of it.
    task, rules_folder, schema
        The task's name, the folder of its rules, relative to the project, and its labels.
    held_out
        Gold is a test set: rules are not judged by it.
    statuses
        Number of rows of each status.
    overlaps, conflicts
        Share of the rows on which two rules or more vote, and on which votes differ.
    rules
        Table of the rules: `lf_summary` with id, label and kind.
    sliced_rules
        `lf_summary` of each slice, or None.
    faults
        Number of faults per rule id.
    model
        Name of the label model.
    beliefs
        What it believes of rules and classes from the votes alone; None where that would take long.
    scores
        Name -> evaluation against gold: the model, majority_vote, and vote_classifier where it could be trained.
    difference
        Accuracy of the model minus that of majority vote, on the same gold rows.
    sliced_difference
        The same for each slice.
    notes
        What a reader should know, in sentences.
    manifest
        What manifest.json holds.
    seconds
        How long it took, logging included; what is logged is the time until then.
    store
        Where it was to be logged, or None.
    mlflow_run
        MLflow's id of the run, or None.
    tracking_error
        Why it was not logged, or None.

    Examples
    --------
    >>> import tempfile
    >>> from weaklabel.config import load
    >>> from weaklabel.pipeline import run
    >>> from weaklabel.templates import write_project
    >>> project = write_project(Path(tempfile.mkdtemp()) / "desk")
    >>> result = run(load(project, ["tracking=none", "plots=false"]), project=project)
    >>> result.rows, result.model, sorted(result.scores)
    (30, 'event_bayes', ['event_bayes', 'majority_vote', 'vote_classifier'])
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
    faults: Mapping[str, int]
    model: str
    scores: Mapping[str, Evaluation]
    difference: Estimate | None
    beliefs: Beliefs | None = None
    sliced_rules: pl.DataFrame | None = None
    sliced_difference: Mapping[str, Estimate] = field(default_factory=dict)
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
    def tables(self) -> dict[str, pl.DataFrame]:
        """Tables that are logged, by the names of their files."""
        sliced = {} if self.sliced_rules is None else {"lf_summary_per_slice.json": self.sliced_rules}
        return {"lf_summary.json": self.rules, **sliced}

    def metrics(self) -> dict[str, float]:
        """Return every number under one flat name, as it is logged."""
        found: dict[str, float] = {
            "rows": self.rows,
            "coverage": self.coverage,
            "overlaps": self.overlaps,
            "conflicts": self.conflicts,
            "faults": sum(self.faults.values()),
            "seconds": self.seconds,
        }
        found |= {f"rows.{status}": count for status, count in self.statuses.items()}
        for name, score in self.scores.items():
            prefix = "gold." if name == self.model else f"gold.{name}."
            found |= {prefix + key: value for key, value in score.flat().items()}
        if self.difference is not None:
            name = "accuracy_minus_majority_vote"
            sliced = {part: {name: difference} for part, difference in self.sliced_difference.items()}
            differences = flat_metrics({name: self.difference}, sliced)
            found |= {f"gold.{key}": value for key, value in differences.items()}
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
            "faults": {k: v for k, v in self.faults.items() if v},
            "rules": self.rules.to_dicts(),
            "beliefs": self.beliefs.to_dict() if self.beliefs else None,
            "fingerprints": dict(self.manifest["fingerprints"]),
            "scores": {name: score.to_dict() for name, score in self.scores.items()},
            "accuracy_minus_majority_vote": self.difference.to_dict() if self.difference else None,
            "accuracy_minus_majority_vote_per_slice": {
                name: difference.to_dict() for name, difference in self.sliced_difference.items()
            },
            "notes": list(self.notes),
            "mlflow": {"uri": self.store.uri, "experiment": self.store.experiment, "run_id": self.mlflow_run}
            if self.store
            else None,
            "tracking_error": str(self.tracking_error) if self.tracking_error else None,
            "seconds": self.seconds,
        }
