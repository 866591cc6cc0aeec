"""`run` for a task whose rows may have several labels: votes, the model of tags, labels, scores; one whole folder."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from weaklabel import tracking
from weaklabel.errors import ModelError, did_you_mean
from weaklabel.evaluate.tags import TagEvaluation, evaluate_tags, tag_difference
from weaklabel.export import with_weights, write_parquet, write_tags, write_text, writing
from weaklabel.gold.tag_gold import TagGold
from weaklabel.label_matrix import LabelMatrix
from weaklabel.lf import LFRegistry
from weaklabel.pipeline.every_run import (
    Filling,
    check_gold,
    fingerprints_of,
    status_counts,
    write_settings,
)
from weaklabel.pipeline.findings import rule_notes
from weaklabel.pipeline.gold import gold_source
from weaklabel.pipeline.slicing import Sliced, task_slices
from weaklabel.pipeline.tagging.gold import open_tag_gold
from weaklabel.pipeline.task import Task, relative
from weaklabel.pipeline.votes import Observer, vote
from weaklabel.runs import write_manifest
from weaklabel.schema import LabelSchema
from weaklabel.stats import Estimate
from weaklabel.tags import TagMajority, TagModel, TagScores, TagVotes, rule_summary
from weaklabel.tags.events import AGAINST

MODELS = {"event_bayes": TagModel, "majority_vote": TagMajority}
"""What each label model is where a row may have several labels: the default one, and the baseline."""


def filling(task: Task) -> Filling:
    """Return what fills the folder of a run of tags; its settings are checked, and its gold is read beforehand."""
    model = model_of(task)
    scoring, learning = open_tag_gold(task)
    return partial(_fill, task, model, scoring, learning)


def model_of(task: Task) -> TagModel:
    """Make the model that a task's settings name.

    Raises
    ------
    ModelError
        The label model is for one label a row, or its options are.
    """
    options = dict(task.config.label_model)
    name = str(options.pop("name"))
    if name not in MODELS:
        what = f"label model {name!r} gives every row one label; rows of this task may have several"
        hint = did_you_mean(name, MODELS) or "label_model=default"
        raise ModelError(what, where="label_model", available=["default", "majority_vote"], hint=hint)
    if task.config.calibrator is not None:
        raise ModelError(
            f"calibrator={task.config.calibrator} is for tasks with one label a row",
            hint="gold that the model of tags learns from sets its thresholds too: task.gold.calibrate",
        )
    return MODELS[name](schema=task.schema)


def tag_table(votes: TagVotes, labels: pl.DataFrame, scores: TagScores, registry: LFRegistry) -> pl.DataFrame:
    """Return a line for each tag: how often it is given and named, by how many rules, and its estimated share.

    Returns
    -------
    `tag`, `given` rows with it, `named` rows on which a rule names it, `denied` rows on which one denies it, `rules` that
    may name it, `prevalence` estimated share of all rows that have it.
    """
    names = registry.schema.names
    given = labels["labels"].explode(empty_as_null=True).drop_nulls().value_counts()
    events = votes.events
    rows = np.repeat(np.arange(len(votes)), np.diff(votes.indptr))
    said = pl.DataFrame({"row": rows, "event": votes.said})
    links = pl.DataFrame({"event": events.owners, "tag": events.tags, "against": events.kinds == AGAINST})
    counts = pl.DataFrame({"row": np.arange(len(votes)), "rows": votes.counts})
    touched = said.join(links, on="event").select("row", "tag", "against").unique().join(counts, on="row")
    told = touched.group_by("tag", "against").agg(pl.col("rows").sum()).rows()
    found = {(tag, against): rows for tag, against, rows in told}
    table = pl.DataFrame(
        {
            "tag": list(names),
            "named": [int(found.get((code, False), 0)) for code in range(len(names))],
            "denied": [int(found.get((code, True), 0)) for code in range(len(names))],
            "rules": _rules_for(registry),
            "prevalence": scores.prevalence(votes.counts),
        },
        schema_overrides={"tag": pl.String},
    )
    return (
        table.join(
            given.rename({"labels": "tag", "count": "given"}), on="tag", how="left", maintain_order="left"
        )
        .with_columns(pl.col("given").fill_null(0).cast(pl.Int64))
        .select("tag", "given", "named", "denied", "rules", "prevalence")
    )


def _rules_for(registry: LFRegistry) -> list[int]:
    """Return for each tag how many rules may name it."""
    counts = dict.fromkeys(registry.schema.names, 0)
    for rule in registry:
        for name in {n for outcome in registry.alphabet(rule) if not outcome.against for n in outcome.labels}:
            counts[name] += 1
    return list(counts.values())


def _fill(
    task: Task,
    model: TagModel,
    gold: TagGold | None,
    learned: TagGold | None,
    folder: Path,
    run_id: str,
    tell: Observer,
    extra: Mapping[str, str],
) -> dict[str, Any]:
    """Do the work, write all of it into a folder, and return what `TagRunResult` says of it."""
    config = task.config
    with writing(folder):
        (folder / "votes").mkdir()
    matrix, nan = vote(task, folder / "votes", observer=tell)
    for known in (gold, learned):
        if known is not None:
            check_gold(known, gold_source(config), matrix)
    counted = matrix.keep(rule.id for rule in task.registry if not rule.muted)
    tell("model fits", 0, 1)
    votes = TagVotes.of(counted, task.registry)
    model.fit(votes, gold=None if learned is None else learned.frame)
    with writing(folder / "model"):
        tracking.save_tag_model(model, folder / "model", registry=task.registry, labelers=counted.labelers)
    scores = model.predict(votes)
    labels = scores.table(matrix.ids, run_id=run_id)
    baseline = model
    if model.name != TagMajority.name:
        baseline = TagMajority(schema=task.schema).fit(votes)
    others = labels if baseline is model else baseline.predict(votes).table(matrix.ids)
    tell("model fits", 1, 1)
    if config.export.weights:
        labels = with_weights(labels, seed=config.seed)
    files = write_tags(
        labels, folder, schema=task.schema, formats=config.export.formats, rows=task.corpus.scan()
    )
    tell("labels are scored", 0, 1)
    judging = None if gold is None or config.task.gold.held_out else gold.frame
    rules = _about(
        task, rule_summary(TagVotes.of(matrix, task.registry), task.registry, gold=judging), matrix
    )
    tags = tag_table(votes, labels, scores, task.registry)
    write_parquet(rules, folder / "rules.parquet")
    write_parquet(tags, folder / "tags.parquet")
    parts = task_slices(config, task.project, task.corpus, task.all_rules)
    found, difference, sliced = _scores(task, model.name, labels, others, gold, parts)
    if found:
        write_text(_evaluation_json(found, difference, sliced), folder / "evaluation.json")
    tell("labels are scored", 1, 1)
    write_settings(folder, config, extra)
    prints = fingerprints_of(task, gold)
    counts = {"rows": labels.height, "patterns": len(votes), "rules": len(matrix.labelers)}
    counts["gold"] = gold.frame.height if gold else 0
    if learned is not None:
        counts["calibration"], prints["calibration"] = learned.frame.height, learned.fingerprint
    manifest = write_manifest(
        folder,
        run_id=run_id,
        fingerprints=prints,
        counts=counts,
        files=files,
        schema_version=task.schema.version,
    )
    return {
        "statuses": status_counts(labels),
        "overlaps": _share(votes, votes.n_votes > 1),
        "conflicts": _share(votes, votes.contested),
        "rules": rules,
        "tags": tags,
        "faults": dict(matrix.faults),
        "model": model.name,
        "scores": found,
        "difference": difference,
        "sliced_difference": sliced,
        "notes": (*rule_notes(task, matrix, gold, nan, rules), *_notes(task.schema, tags, learned, gold)),
        "manifest": manifest,
    }


def _about(task: Task, rules: pl.DataFrame, votes: LabelMatrix) -> pl.DataFrame:
    """Return the table of the rules with kind, place and faults."""
    about = pl.DataFrame(
        {
            "labeler": [rule.id for rule in task.registry.rules],
            "kind": [rule.kind for rule in task.registry.rules],
            "where": [relative(rule.source, task.project) for rule in task.registry.rules],
            "muted": [rule.muted for rule in task.registry.rules],
            "faults": [int(votes.faults.get(rule.id, 0)) for rule in task.registry.rules],
        }
    )
    return rules.join(about, on="labeler", how="left", maintain_order="left")


def _share(votes: TagVotes, chosen: Any) -> float:
    """Return the share of the rows that are chosen, of distinct ones."""
    return int(votes.counts[chosen].sum()) / max(votes.n_rows, 1)


def _scores(
    task: Task, name: str, labels: pl.DataFrame, others: pl.DataFrame, gold: TagGold | None, sliced: Sliced
) -> tuple[dict[str, TagEvaluation], dict[str, Estimate], dict[str, dict[str, Estimate]]]:
    """Return the scores of the model and of majority vote, and their differences, whole and per slice."""
    if gold is None or not gold.frame.height:
        return {}, {}, {}
    config = task.config
    options: dict[str, Any] = {
        "schema": task.schema,
        "confidence": config.evaluation.confidence,
        "seed": config.seed,
    }
    slices: dict[str, Any] = {"slices": sliced.slices, "frame": sliced.frame}
    found = {name: evaluate_tags(labels, gold.frame, **options, **slices)}
    if name == TagMajority.name:
        return found, {}, {}
    found[TagMajority.name] = evaluate_tags(others, gold.frame, **options, **slices)
    difference = tag_difference(labels, others, gold.frame, **options)
    parts = tag_difference(labels, others, gold.frame, **options, **slices) if sliced else {}
    return found, difference, parts


def _evaluation_json(
    scores: Mapping[str, TagEvaluation],
    difference: Mapping[str, Estimate],
    sliced: Mapping[str, Mapping[str, Estimate]],
) -> str:
    """Return every figure against gold, per tag and slice, with its interval."""
    found = {
        "scores": {name: score.to_dict() for name, score in scores.items()},
        "minus_majority_vote": {name: each.to_dict() for name, each in difference.items()},
        "minus_majority_vote_per_slice": {
            part: {name: each.to_dict() for name, each in differences.items()}
            for part, differences in sliced.items()
        },
    }
    return json.dumps(found, ensure_ascii=False, indent=1) + "\n"


def _notes(
    schema: LabelSchema, tags: pl.DataFrame, learned: TagGold | None, gold: TagGold | None
) -> list[str]:
    notes = []
    silent = tags.filter(pl.col("rules") == 0)["tag"].to_list()
    below = {name for name in schema.names if schema.children(name)}
    alone = [name for name in silent if name not in below]
    if alone:
        notes.append(f"no rule may name {_some(alone)}: only gold can make a row get {_it(alone)}")
    never = tags.filter((pl.col("rules") > 0) & (pl.col("named") == 0))["tag"].to_list()
    if never:
        notes.append(f"rules for {_some(never)} vote on no row")
    if learned is not None:
        into = f"{learned.frame.height} gold rows went into the model"
        rest = f"; the other {gold.frame.height} score it" if gold is not None else ""
        notes += [f"{into}{rest} (task.gold.calibrate)", *learned.notes]
    return notes


def _it(names: list[str]) -> str:
    return "it" if len(names) == 1 else "them"


def _some(names: list[str]) -> str:
    more = f" and {len(names) - 3} more tags" if len(names) > 3 else ""
    return f"{', '.join(names[:3])}{more}"
