"""A sweep's folder: its parent run, the result of every job, and their comparison."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import polars as pl

from weaklabel import tracking
from weaklabel.export import write_text, writing
from weaklabel.runs import home

SEVERAL = "sweeps"
"""MLflow experiment of the sweeps whose runs are in several experiments."""


@dataclass(frozen=True)
class Sweep:
    """The folder .weaklabel/sweeps/<sweep_id>; jobs and the callback meet in it, in any process.

    Parameters
    ----------
    project
        The project's folder.
    sweep_id
        The sweep's name.
    """

    project: Path
    sweep_id: str

    @property
    def folder(self) -> Path:
        """Where everything of this sweep lies."""
        return self.project / ".weaklabel" / "sweeps" / self.sweep_id

    def open(self, store: tracking.Store | None, words: Sequence[str], *, experiments: Sequence[str]) -> None:
        """Open the parent run; without tracking, or when it fails, the jobs run without a parent.

        It is logged in the experiment of the jobs; where they have several, in the experiment `sweeps`, with a tag
        that names theirs.
        """
        with writing(home(self.project)):
            self.folder.mkdir(parents=True, exist_ok=True)
        run_id = None
        if store is not None:
            tags = {"weaklabel.sweep": self.sweep_id, "weaklabel.words": " ".join(words)}
            store = replace(store, experiment=experiments[0] if len(experiments) == 1 else SEVERAL)
            if len(experiments) > 1:
                tags["weaklabel.experiments"] = ", ".join(experiments)
            try:
                run_id = tracking.start_sweep(store, f"sweep {self.sweep_id}", tags=tags)
            except tracking.TrackingError as error:
                write_text(str(error), self.folder / "tracking_error.txt")
        data = {"store": asdict(store) if store else None, "run_id": run_id}
        write_text(json.dumps(data), self.folder / "parent.json")

    def parent(self) -> str | None:
        """Return the parent's MLflow run id, or None."""
        run_id: str | None = self._parent().get("run_id")
        return run_id

    def experiment(self) -> str | None:
        """Return the MLflow experiment of the parent run, or None."""
        return (self._parent().get("store") or {}).get("experiment")

    def put(self, number: int, result: Mapping[str, Any]) -> None:
        """Keep the result of one job."""
        write_text(json.dumps(result, ensure_ascii=False, default=str), self.folder / f"job-{number:04}.json")

    def results(self) -> list[dict[str, Any]]:
        """Return what was kept, in the order of the jobs."""
        return [json.loads(p.read_text(encoding="utf-8")) for p in sorted(self.folder.glob("job-*.json"))]

    def close(self, *, failed: bool = False) -> None:
        """Write the comparison, log it, and close the parent run; a second call does nothing."""
        done = self.folder / "comparison.json"
        if done.exists() or not self.folder.exists():
            return
        results = self.results()
        lines = comparison(results)
        write_text(json.dumps(lines, ensure_ascii=False, indent=2), done)
        parent = self._parent()
        if not parent.get("run_id"):
            return
        best = winner(results)
        name = f"best.gold.{best.metric if best else 'accuracy'}"
        metrics = {"jobs": len(results), name: best.score if best else None}
        try:
            tracking.finish_sweep(
                tracking.Store(**parent["store"]),
                parent["run_id"],
                failed=failed or any("error" in r for r in results),
                metrics=metrics,
                table=pl.DataFrame(lines, infer_schema_length=None),
            )
        except tracking.TrackingError as error:
            write_text(str(error), self.folder / "tracking_error.txt")

    def _parent(self) -> dict[str, Any]:
        path = self.folder / "parent.json"
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
        return found


@dataclass(frozen=True)
class Winner:
    """The run with the highest score, and those whose intervals overlap with its own.

    Parameters
    ----------
    number
        Position among the results.
    metric
        What is compared: accuracy, or micro_f1 where rows may have several labels.
    score
        Its score against gold.
    rivals
        Positions of the runs that this gold can't tell from it.
    """

    number: int
    metric: str
    score: float
    rivals: tuple[int, ...]


def comparison(results: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return one flat line per job of a sweep; its settings are those that the jobs don't all share.

    Examples
    --------
    >>> comparison([{"words": ["seed=1"], "error": "no rules\\n  where: x"}])[0]["error"]
    'no rules'
    """
    lines = []
    shared = set.intersection(*(set(r["words"]) for r in results)) if len(results) > 1 else set()
    for result in results:
        metrics = _metrics(result)
        accuracy, micro = metrics.get("accuracy", {}), metrics.get("micro_f1", {})
        statuses, rows = result.get("statuses", {}), result.get("rows")
        lines.append(
            {
                "settings": " ".join(word for word in result["words"] if word not in shared),
                "model": result.get("model"),
                "accuracy": accuracy.get("value"),
                "accuracy_low": accuracy.get("low"),
                "accuracy_high": accuracy.get("high"),
                "gold_rows": (accuracy or micro).get("n"),
                "micro_f1": micro.get("value"),
                "micro_f1_low": micro.get("low"),
                "micro_f1_high": micro.get("high"),
                "accuracy_labeled": metrics.get("accuracy_labeled", {}).get("value"),
                "macro_f1": metrics.get("macro_f1", {}).get("value"),
                "log_loss": metrics.get("log_loss", {}).get("value"),
                "coverage": result.get("coverage"),
                "labeled": statuses.get("labeled", 0) / rows if rows else None,
                "run_id": result.get("run_id"),
                "error": result["error"].splitlines()[0] if "error" in result else None,
            }
        )
    return lines


def winner(results: Sequence[Mapping[str, Any]]) -> Winner | None:
    """Return the best run of a sweep; None when runs were scored on different gold, or none was scored.

    Examples
    --------
    >>> def scored(value, low, high):
    ...     accuracy = {"value": value, "low": low, "high": high, "n": 50}
    ...     return {"model": "m", "scores": {"m": {"metrics": {"accuracy": accuracy}}}, "fingerprints": {"gold": "g"}}
    >>> winner([scored(0.7, 0.6, 0.8), scored(0.75, 0.65, 0.85), scored(0.4, 0.3, 0.5)])
    Winner(number=1, metric='accuracy', score=0.75, rivals=(0,))
    """
    metric = "micro_f1" if any("micro_f1" in _metrics(r) for r in results) else "accuracy"
    scored = {i: _metrics(r)[metric] for i, r in enumerate(results) if _metrics(r).get(metric)}
    scored = {i: a for i, a in scored.items() if a.get("value") is not None}
    golds = {results[i]["fingerprints"]["gold"] for i in scored}
    if not scored or len(golds) > 1:
        return None
    best = max(scored, key=lambda i: (scored[i]["value"], -i))
    rivals = tuple(i for i in scored if i != best and scored[i]["high"] >= scored[best]["low"])
    return Winner(best, metric, float(scored[best]["value"]), rivals)


def _metrics(result: Mapping[str, Any]) -> dict[str, Any]:
    score = result.get("scores", {}).get(result.get("model"), {})
    found: dict[str, Any] = score.get("metrics", {})
    return found
