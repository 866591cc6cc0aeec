"""What a bulk relabeling made and found out, and what it says while it works."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from weaklabel.errors import WeakLabelError
from weaklabel.pipeline.relabeling.fit import Verdict

OUTCOMES = ("relabeled", "nothing", "worse", "partly")


@dataclass(frozen=True, kw_only=True)
class Progress:
    """How far a step is.

    Parameters
    ----------
    step
        Its name.
    rows, all_rows
        Rows done, and rows in all.
    shards, all_shards
        The same in shards.
    reused
        Of the shards done, those for which nothing had to be computed.
    failed
        Shards and files that failed so far.
    seconds
        Since the step began.
    computed
        Rows of shards that were not reused: those that the rate is of.

    Examples
    --------
    >>> half = Progress(step="rules vote", rows=50, all_rows=100, shards=1, all_shards=2, seconds=5, computed=50)
    >>> half.rate, half.left
    (10.0, 5.0)
    """

    step: str
    rows: int
    all_rows: int
    shards: int
    all_shards: int
    reused: int = 0
    failed: int = 0
    seconds: float = 0.0
    computed: int = 0

    @property
    def rate(self) -> float:
        """Rows a second."""
        return self.rows / self.seconds if self.seconds > 0 else 0.0

    @property
    def left(self) -> float | None:
        """Seconds left at this rate; None: not known yet."""
        return (self.all_rows - self.rows) / self.rate if self.rate else None


Watch = Callable[[Progress], None]
"""Told how far a step is, after each shard."""


@dataclass(frozen=True, kw_only=True)
class RelabelResult:
    """What a bulk relabeling made and found out.

    Parameters
    ----------
    outcome
        `relabeled`, `nothing` (has changed), `worse` (a new model was fitted and not published) or `partly` (some shards
        failed; nothing was committed).
    why
        In one sentence.
    task, run_id, job
        Which task, this attempt, and the key of its labels.
    table, version
        The label table and its newest version.
    changed
        What differs from the version before.
    model
        The version of the model.
    rows, statuses, labels
        Number of rows, by status and by label.
    shards
        Counts: all, voted (computed at least one column), linked (labels taken over), resumed.
    columns
        Columns of votes: reused and voted.
    share
        The share of rows that the model was fitted on.
    faults
        Faults per rule id.
    flagged
        Shard and share of its rows, where more have votes that the fit has not seen than `relabel.unseen`.
    failures
        What could not be done.
    verdict
        Whether the new model may stand.
    notes
        What a reader should know, in sentences.
    manifest
        Where the manifest is; None: nothing was done.
    seconds
        How long it took.
    mlflow_run, tracking_error
        As in `RunResult`.
    """

    outcome: str
    why: str
    task: str
    run_id: str
    job: str
    table: str
    version: int | None
    changed: Mapping[str, Any] = field(default_factory=dict)
    model: str | None = None
    rows: int = 0
    statuses: Mapping[str, int] = field(default_factory=dict)
    labels: Mapping[str, int] = field(default_factory=dict)
    shards: Mapping[str, int] = field(default_factory=dict)
    columns: Mapping[str, int] = field(default_factory=dict)
    share: float = 1.0
    faults: Mapping[str, int] = field(default_factory=dict)
    flagged: Sequence[tuple[str, float]] = ()
    failures: Sequence[WeakLabelError] = ()
    verdict: Verdict | None = None
    notes: Sequence[str] = ()
    manifest: Path | None = None
    seconds: float = 0.0
    mlflow_run: str | None = None
    tracking_error: WeakLabelError | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for JSON.

        Examples
        --------
        >>> done = RelabelResult(
        ...     outcome="nothing", why="nothing has changed", task="t", run_id="r", job="j", table="labels", version=3
        ... )
        >>> done.to_dict()["version"], done.to_dict()["verdict"]
        (3, None)
        """
        plain = (
            "outcome", "why", "task", "run_id", "job", "table", "version", "model", "rows", "share", "seconds",
            "mlflow_run",
        )  # fmt: skip
        mappings = ("changed", "statuses", "labels", "shards", "columns", "faults")
        return {
            **{name: getattr(self, name) for name in plain},
            **{name: dict(getattr(self, name)) for name in mappings},
            "flagged": [{"shard": shard, "unseen": share} for shard, share in self.flagged],
            "failures": [str(error) for error in self.failures],
            "verdict": self.verdict.to_dict() if self.verdict else None,
            "notes": list(self.notes),
            "manifest": str(self.manifest) if self.manifest else None,
            "tracking_error": str(self.tracking_error) if self.tracking_error else None,
        }
