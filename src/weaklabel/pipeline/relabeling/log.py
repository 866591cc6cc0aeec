"""What a bulk relabeling tells MLflow: metrics while it works, its verdict, and the champion at the end."""

from __future__ import annotations

import re
import shutil
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from weaklabel import tracking
from weaklabel.config import flatten, of_run
from weaklabel.errors import WeakLabelError
from weaklabel.pipeline.relabeling.job import SEEN, Bulk, Decision
from weaklabel.pipeline.relabeling.parts import Done
from weaklabel.pipeline.relabeling.result import Progress, RelabelResult
from weaklabel.pipeline.whole import tracking_store

EVERY = 10.0
"""Seconds between two batches of metrics."""


class Live:
    """The MLflow run of a relabeling; whatever goes wrong with it stops it, not the work.

    Parameters
    ----------
    bulk, run_id
        What is relabeled, and in which attempt.
    """

    def __init__(self, bulk: Bulk, run_id: str) -> None:
        self.bulk = bulk
        self.run_id = run_id
        self.store = tracking_store(bulk.config, bulk.task.project)
        self.error: WeakLabelError | None = None
        self.mlflow_run: str | None = None
        self._steps: list[tuple[int, dict[str, float]]] = []
        self._sent = time.monotonic()

    def begin(self, decision: Decision) -> None:
        """Open the run."""
        if self.store is None:
            return
        tags = {"weaklabel.run_id": self.run_id, "weaklabel.task": self.bulk.config.task.name}
        tags |= {"weaklabel.kind": "relabel", "weaklabel.job": decision.job, **self.bulk.config.tracking.tags}
        name = self.bulk.config.tracking.run_name or f"relabel {self.run_id}"
        try:
            self.mlflow_run = tracking.start_sweep(self.store, name, tags=tags)
        except tracking.TrackingError as error:
            self.error = error

    def shard(self, done: Done, now: Progress) -> None:
        """Note what came of a shard; send what was noted every few seconds."""
        if self.mlflow_run is None:
            return
        metrics = {f"{_slug(now.step)}.rows_per_second": now.rate, f"{_slug(now.step)}.rows": float(now.rows)}
        if done.file is not None and done.rows:
            metrics["shard.coverage"] = 1 - done.file.statuses.get("uncovered", 0) / done.rows
            metrics["shard.unseen"] = done.unseen
            labeled = max(sum(done.file.labels.values()), 1)
            for label in self.bulk.task.schema.names:
                metrics[f"shard.class/{label}"] = done.file.labels.get(label, 0) / labeled
        self._steps.append((now.shards, metrics))
        if time.monotonic() - self._sent >= EVERY:
            self._send()

    def finish(self, result: RelabelResult, decision: Decision) -> RelabelResult:
        """Close the run with what came of it, and make its model the champion where it was published."""
        if self.store is not None and self.mlflow_run is not None:
            self._send()
        if self.store is not None and self.mlflow_run is not None and self.error is None:
            try:
                self._close(self.store, self.mlflow_run, result, decision)
            except tracking.TrackingError as error:
                self.error = error
        return replace(result, mlflow_run=self.mlflow_run, tracking_error=self.error)

    def fail(self) -> None:
        """Close the run as failed."""
        if self.store is None or self.mlflow_run is None or self.error is not None:
            return
        self._send()
        try:
            tracking.finish_run(self.store, self.mlflow_run, failed=True, parameters={}, tags={}, metrics={})
        except tracking.TrackingError as error:
            self.error = error

    def _send(self) -> None:
        steps, self._steps, self._sent = self._steps, [], time.monotonic()
        if self.store is None or self.mlflow_run is None or not steps or self.error is not None:
            return
        try:
            tracking.log_steps(self.store, self.mlflow_run, steps)
        except tracking.TrackingError as error:
            self.error = error

    def _close(self, store: tracking.Store, run: str, result: RelabelResult, decision: Decision) -> None:
        bulk, prints = self.bulk, self.bulk.inputs
        tags = {f"weaklabel.{name}": value for name, value in prints.items() if value}
        tags |= {"weaklabel.outcome": result.outcome, "weaklabel.model": result.model or ""}
        if result.verdict is not None:
            tags["weaklabel.verdict"] = result.verdict.word
        if result.outcome == "relabeled":
            tags["weaklabel.table_version"] = str(result.version)
            if decision.source is not None and decision.source.is_relative_to(bulk.models):
                self._champion(store, run, decision)
        tracking.finish_run(
            store,
            run,
            failed=result.outcome == "partly",
            parameters=flatten(of_run(bulk.config)),
            tags=tags,
            metrics=_metrics(result),
            datasets=[
                tracking.Dataset("corpus", prints["corpus"], "labeled", str(bulk.config.task.corpus.path)),
                *([tracking.Dataset("gold", prints["gold"], "gold", "gold")] if prints["gold"] else []),
            ],
            artifacts=[result.manifest] if result.manifest else [],
        )

    def _champion(self, store: tracking.Store, run: str, decision: Decision) -> None:
        """Register the model without the keys of all patterns, which only relabeling reads."""
        assert decision.source is not None and decision.model is not None
        with tempfile.TemporaryDirectory() as folder:
            own = Path(folder) / "model"
            shutil.copytree(decision.source, own, ignore=shutil.ignore_patterns(SEEN))
            name = champion_name(self.bulk.config.task.name)
            tracking.make_champion(store, run, own, name=name, version=decision.model)


def champion_name(task: str) -> str:
    """Return the name of a task's registered model.

    Examples
    --------
    >>> champion_name("support/mail")
    'weaklabel-support-mail'
    """
    return f"weaklabel-{re.sub(r'[^-.A-Za-z0-9_]+', '-', task)}"


def _metrics(result: RelabelResult) -> dict[str, float | None]:
    found: dict[str, float | None] = {
        "rows": float(result.rows),
        "seconds": result.seconds,
        "fitted_on": result.share,
        "shards.flagged": float(len(result.flagged)),
        "shards.failed": float(len(result.failures)),
    }
    found |= {f"rows.{status}": float(count) for status, count in result.statuses.items()}
    if result.statuses and result.rows:
        found["coverage"] = 1 - result.statuses.get("uncovered", 0) / result.rows
    verdict: Any = result.verdict
    if verdict is not None and verdict.accuracy is not None:
        found["gold.accuracy"] = verdict.accuracy.value
    if verdict is not None and verdict.difference is not None:
        found["gold.accuracy_minus_standing"] = verdict.difference.value
    return found


def _slug(step: str) -> str:
    return step.replace(",", "").replace(" ", "_")
