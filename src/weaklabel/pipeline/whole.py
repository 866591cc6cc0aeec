"""`run`: everything from a configuration to one whole folder of labels."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import polars as pl

from weaklabel import label_model, report, tracking
from weaklabel.config import flatten, of_run, plain
from weaklabel.evaluate import Evaluation, accuracy_difference, evaluate, vote_classifier
from weaklabel.export import with_weights, write_labels, write_parquet, write_text, writing
from weaklabel.gold import Gold
from weaklabel.label_matrix import LabelMatrix
from weaklabel.pipeline.believed import belief_notes, believed, with_beliefs
from weaklabel.pipeline.every_run import (
    Filling,
    check_gold,
    fingerprints_of,
    status_counts,
    tell_nobody,
    write_settings,
)
from weaklabel.pipeline.findings import Findings
from weaklabel.pipeline.gold import Calibration, fit_known, gold_source, open_gold_parts, used_gold
from weaklabel.pipeline.labels import label_table
from weaklabel.pipeline.result import RunResult
from weaklabel.pipeline.slicing import Sliced, task_slices
from weaklabel.pipeline.tagging.result import TagRunResult
from weaklabel.pipeline.tagging.run import filling
from weaklabel.pipeline.task import Task, open_task, remember_digests
from weaklabel.pipeline.votes import Observer, vote
from weaklabel.runs import building, new_run_id, write_manifest
from weaklabel.settings import Config
from weaklabel.stats import Estimate


def run(
    config: Config,
    *,
    project: str | Path,
    observer: Observer | None = None,
    parent: str | None = None,
    extra: Mapping[str, str] | None = None,
) -> RunResult | TagRunResult:
    """Vote, fit, label, score, plot, log; leave one whole folder under .weaklabel/runs.

    Parameters
    ----------
    config
        Everything a run needs.
    project
        Folder that its paths are relative to.
    observer
        Told what is done.
    parent
        MLflow id of the sweep that this run is part of.
    extra
        Further text files of the run's folder: name -> content.

    Raises
    ------
    WeakLabelError
        Input is wrong or the output can't be written. Then no folder is left, and nothing in MLflow.

    Notes
    -----
    The folder is built beside its place and renamed at the end. MLflow comes after: when it fails, the labels are
    there, and `RunResult.tracking_error` says why the run was not logged.

    Examples
    --------
    >>> import tempfile
    >>> from weaklabel.config import load
    >>> from weaklabel.templates import write_project
    >>> project = write_project(Path(tempfile.mkdtemp()) / "desk")
    >>> result = run(load(project, ["tracking=none", "plots=false"]), project=project)
    >>> result.rows, result.folder.parent.name
    (30, 'runs')
    """
    started = time.perf_counter()
    tell = observer or tell_nobody
    task = open_task(config, project, several=True)
    config = task.config
    run_id = new_run_id(plain(config))
    fill = _filling(task) if task.schema.exclusive else filling(task)
    with building(task.project, run_id) as folder:
        found = fill(folder, run_id, tell, extra or {})
        remember_digests(task)
    kind: Any = RunResult if task.schema.exclusive else TagRunResult
    result = kind(
        run_id=run_id,
        folder=task.project / ".weaklabel" / "runs" / run_id,
        task=config.task.name,
        rules_folder=config.task.rules.rstrip("/"),
        schema=task.schema,
        held_out=config.task.gold.held_out,
        store=tracking_store(config, task.project),
        seconds=time.perf_counter() - started,
        **found,
    )
    result = _logged(result, config, parent, tell)
    return replace(result, seconds=time.perf_counter() - started)


def tracking_store(config: Config, project: Path) -> tracking.Store | None:
    """Return where a configuration logs its runs; None when it doesn't.

    Examples
    --------
    >>> config = Config()
    >>> config.tracking.uri, config.tracking.experiment = "http://localhost:5000", "spam"
    >>> tracking_store(config, Path("desk")).uri
    'http://localhost:5000'
    >>> config.tracking.name = "none"
    >>> tracking_store(config, Path("desk")) is None
    True
    """
    if config.tracking.name == "none":
        return None
    experiment = config.tracking.experiment or config.task.name
    if config.tracking.uri:
        return tracking.Store(config.tracking.uri, experiment)
    return tracking.local_store(project, experiment)


def _filling(task: Task) -> Filling:
    """Return what fills the folder of a run whose rows have one label each; its gold is read beforehand."""
    return partial(_fill, task, *open_gold_parts(task))


def _fill(
    task: Task,
    gold: Gold | None,
    calibration: Calibration | None,
    folder: Path,
    run_id: str,
    tell: Observer,
    extra: Mapping[str, str],
) -> dict[str, Any]:
    """Do the work, write all of it into a folder, and return what `RunResult` says of it."""
    config = task.config
    name = str(config.label_model["name"])
    with writing(folder):
        (folder / "votes").mkdir()
    votes, nan = vote(task, folder / "votes", observer=tell)
    if gold is not None:
        check_gold(gold, gold_source(config), votes)
    if calibration is not None:
        check_gold(calibration.gold, calibration.source, votes)
    counted = votes.keep(rule.id for rule in task.registry if not rule.muted)
    labels, baseline, independence = _fitted(folder, task, counted, calibration, run_id, tell)
    if config.export.weights:
        labels = with_weights(labels, seed=config.seed)
    written = write_labels(labels, folder, schema=task.schema, formats=config.export.formats)
    tell("labels are scored", 0, 1)
    parts = task_slices(config, task.project, task.corpus, task.all_rules)
    seen = Findings.of(task, votes, counted.patterns(), gold, nan, parts)
    alphabets: dict[str, Any] = {"n_classes": len(task.schema), "outcomes": task.registry.outcome_codes()}
    beliefs = believed(config, counted.patterns(), **alphabets, tell=tell)
    rules = with_beliefs(seen.rules, beliefs)
    scores, difference, sliced = _scores(task, counted, labels, baseline, gold, name, parts)
    write_parquet(rules, folder / "rules.parquet")
    if seen.sliced is not None:
        write_parquet(seen.sliced, folder / "rules_per_slice.parquet")
    if scores:
        write_text(_evaluation_json(scores, difference, sliced), folder / "evaluation.json")
    if beliefs is not None:
        write_text(
            json.dumps(beliefs.to_dict(), ensure_ascii=False, indent=1) + "\n", folder / "beliefs.json"
        )
    tell("labels are scored", 1, 1)
    if config.plots:
        tell("plots are drawn", 0, 1)
        drawn = {"labels": labels, "rules": rules, "evaluation": scores.get(name), "schema": task.schema}
        report.plot_run(folder / "plots", **drawn)  # type: ignore[arg-type]
        tell("plots are drawn", 1, 1)
    write_settings(folder, config, extra)
    counts = {"rows": labels.height, "patterns": len(counted.patterns()), "rules": len(votes.labelers)}
    counts["gold"] = gold.frame.height if gold else 0
    prints = fingerprints_of(task, gold)
    if calibration is not None:
        counts["calibration"] = calibration.gold.frame.height
        prints["calibration"] = calibration.fingerprint
        if calibration.version is not None:
            prints["gold_set"] = calibration.version
    manifest = write_manifest(
        folder,
        run_id=run_id,
        fingerprints=prints,
        counts=counts,
        files=written,
        schema_version=task.schema.version,
    )
    return {
        "statuses": status_counts(labels),
        "overlaps": seen.overlaps,
        "conflicts": seen.conflicts,
        "rules": rules,
        "beliefs": beliefs,
        "sliced_rules": seen.sliced,
        "faults": dict(votes.faults),
        "model": name,
        "scores": scores,
        "difference": difference,
        "sliced_difference": sliced,
        "notes": (
            *seen.notes,
            *belief_notes(beliefs),
            *_calibrated(config, gold, calibration),
            *_undecided(labels, baseline, gold, name, independence),
        ),
        "manifest": manifest,
    }


def _fitted(
    folder: Path, task: Task, votes: LabelMatrix, calibration: Calibration | None, run_id: str, tell: Observer
) -> tuple[pl.DataFrame, pl.DataFrame, float | None]:
    """Fit the label model, save it, and return its label table, that of majority vote, and what it makes of the rules.

    The last is how far the votes show the rules to be independent; None: the model doesn't say.
    """
    tell("model fits", 0, 1)
    patterns, k, outcomes = votes.patterns(), len(task.schema), task.registry.outcome_codes()
    model = fit_known(task.config, patterns, votes.ids, n_classes=k, known=calibration, outcomes=outcomes)
    with writing(folder / "model"):
        tracking.save_model(
            model, folder / "model", labelers=votes.labelers, schema=task.schema, rules=task.registry
        )
    baseline = label_model.create("majority_vote", n_classes=k, outcomes=outcomes).fit(patterns)
    threshold = task.config.task.threshold
    tables = [
        label_table(votes.ids, patterns, m, schema=task.schema, threshold=threshold, run_id=run_id)
        for m in (model, baseline)
    ]
    tell("model fits", 1, 1)
    return tables[0], tables[1], getattr(model, "independence_", None)


def _calibrated(config: Config, gold: Gold | None, calibration: Calibration | None) -> list[str]:
    """Say which gold the label model or calibrator has learned from."""
    if calibration is None:
        return []
    notes = list(calibration.gold.notes)
    if not calibration.gold.frame.height:
        return notes
    known = used_gold(config, calibration)
    used, scoring = known.gold.frame.height, gold.frame.height if gold else 0
    into = "the label model" if config.calibrator is None else f"the calibrator ({config.calibrator})"
    others = "the other " if calibration.version is None else ""
    sentence = f"{used} gold {'row' if used == 1 else 'rows'} went into {into}; {others}{scoring} score it"
    left = calibration.gold.frame.height - used
    alone = len(known.unknown)
    if left:
        notes.append(
            f"{left} gold {'row was' if left == 1 else 'rows were'} not drawn at random, and {into} gets a random sample only"
        )
    if alone:
        notes.append(
            f"{alone} of them {_was(alone)} not drawn at random: class balance is not learned from them"
        )
    return [f"{sentence} (task.gold.calibrate)", *notes]


def _was(count: int) -> str:
    return "was" if count == 1 else "were"


def _undecided(
    labels: pl.DataFrame, baseline: pl.DataFrame, gold: Gold | None, model: str, independence: float | None
) -> list[str]:
    """Say where only gold could tell the label model and majority vote apart."""
    if gold is not None or model == "majority_vote" or independence is None:
        return []
    heard = labels["n_votes"] > 0
    others = int((labels["label"].ne_missing(baseline["label"]) & heard).sum())
    if not others:
        return []
    where = f"{model} and majority vote differ on {others:,} of {int(heard.sum()):,} rows with votes"
    if independence >= 0.5:
        return [f"{where}; the votes look as those of independent rules do, which speaks for {model}"]
    return [
        f"{where}; the votes alone can't say which of the two is right there: the rules depend on each other"
    ]


def _scores(
    task: Task,
    votes: LabelMatrix,
    labels: pl.DataFrame,
    baseline: pl.DataFrame,
    gold: Gold | None,
    model: str,
    sliced: Sliced,
) -> tuple[dict[str, Evaluation], Estimate | None, dict[str, Estimate]]:
    """Return the scores of each model, and the accuracy minus that of majority vote, whole and per slice."""
    if gold is None:
        return {}, None, {}
    config = task.config
    options: dict[str, Any] = {"schema": task.schema, "confidence": config.evaluation.confidence}
    slices: dict[str, Any] = {"slices": sliced.slices, "frame": sliced.frame}
    seeded: dict[str, Any] = {"seed": config.seed, **slices}
    scores = {model: evaluate(labels, gold.frame, **options, **seeded)}
    difference, parts = None, {}
    if model != "majority_vote":
        scores["majority_vote"] = evaluate(baseline, gold.frame, **options, **seeded)
        difference = accuracy_difference(labels, baseline, gold.frame, **options)
        parts = accuracy_difference(labels, baseline, gold.frame, **options, **slices)
    if config.evaluation.classifier:
        folds = config.evaluation.folds
        scores["vote_classifier"] = vote_classifier(votes, gold.frame, folds=folds, **options, **seeded)
    return scores, difference, parts


def _evaluation_json(
    scores: Mapping[str, Evaluation], difference: Estimate | None, sliced: Mapping[str, Estimate]
) -> str:
    """Return every figure against gold, per class and slice, with its interval."""
    found = {
        "scores": {name: score.to_dict() for name, score in scores.items()},
        "accuracy_minus_majority_vote": difference.to_dict() if difference else None,
        "accuracy_minus_majority_vote_per_slice": {name: e.to_dict() for name, e in sliced.items()},
    }
    return json.dumps(found, ensure_ascii=False, indent=1) + "\n"


def _logged(result: Any, config: Config, parent: str | None, tell: Observer) -> Any:
    if result.store is None:
        return result
    tell("run is logged", 0, 1)
    try:
        run = tracking.log_run(result.store, _record(result, config), parent=parent)
    except tracking.TrackingError as error:
        return replace(result, tracking_error=error)
    tell("run is logged", 1, 1)
    return replace(result, mlflow_run=run)


def _record(result: RunResult | TagRunResult, config: Config) -> tracking.Record:
    prints = result.manifest["fingerprints"]
    tags = {f"weaklabel.{name}": value for name, value in prints.items() if value}
    tags |= {
        "weaklabel.run_id": result.run_id,
        "weaklabel.task": result.task,
        "weaklabel.label_model": result.model,
    }
    tags |= {
        "weaklabel.folder": str(result.folder),
        "weaklabel.version": result.manifest["versions"]["weaklabel"],
    }
    datasets = [tracking.Dataset("corpus", prints["corpus"], "labeled", str(config.task.corpus.path))]
    if prints["gold"]:
        source = config.task.gold.path or f"column {config.task.gold.column} of the corpus"
        datasets.append(tracking.Dataset("gold", prints["gold"], "gold", str(source)))
    if prints.get("gold_set"):
        datasets.append(tracking.Dataset("calibration", prints["calibration"], "gold", "gold room"))
    names = ["config.yaml", "manifest.json"]
    names += [name for name in ("evaluation.json", "beliefs.json") if (result.folder / name).exists()]
    files = [(result.folder / name, "") for name in names]
    files += [(path, "plots") for path in sorted((result.folder / "plots").glob("*.png"))]
    return tracking.Record(
        name=config.tracking.run_name or f"{result.model} {result.run_id}",
        parameters=flatten(of_run(config)),
        tags={**tags, **config.tracking.tags},
        metrics=result.metrics(),
        datasets=datasets,
        tables=result.tables,
        artifacts=files,
        model=result.folder / "model",
    )
