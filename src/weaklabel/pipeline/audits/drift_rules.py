"""`audit rules`: the health of a run's rules, by gold that was drawn by chance."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import polars as pl

from weaklabel import tracking
from weaklabel.audit.reference import Comparison
from weaklabel.audit.rule_health import KEEP, Health, HealthLimits, rule_health
from weaklabel.audit.vote_counts import votes_over
from weaklabel.errors import some
from weaklabel.gold.auditing import audit_answers, audit_mark, audit_states
from weaklabel.pipeline.audits.drift import drift_of_run
from weaklabel.pipeline.audits.drift_files import (
    SHARD,
    RunFiles,
    check_column,
    corpus_of,
    open_run,
    with_columns,
)
from weaklabel.pipeline.audits.drift_parts import windows
from weaklabel.pipeline.audits.files import Kept, audit_names, audits_folder, ended_by_erasure, read_audit
from weaklabel.pipeline.desk.room import Desk, open_desk
from weaklabel.pipeline.gold import gold_source, ledger_place, open_gold_parts
from weaklabel.pipeline.task import open_registry, open_task
from weaklabel.pipeline.whole import tracking_store
from weaklabel.settings import Config

NO_GOLD = {"id": pl.String, "label": pl.String, "inclusion": pl.Float64, "batch": pl.String}
"""Columns of gold as rules are judged by it."""


@dataclass(frozen=True, eq=False)
class RulesHealth:
    """The health of a run's rules; made by `health_of_rules`.

    Parameters
    ----------
    run
        The run whose votes were looked at.
    gold
        Gold rows by batch, in the order of time.
    health
        What is known of each rule.
    over
        How often each rule votes for each label in each part; None: that was not asked for.
    notes
        What gold was used and what was not, and what else to know.
    tracking_error
        Why nothing was logged.

    Examples
    --------
    >>> RulesHealth("r1", {"1 may": 60}, Health((), 0.05)).verdict
    'nothing to mend: 0 rules are kept'
    """

    run: str
    gold: dict[str, int]
    health: Health
    over: pl.DataFrame | None = None
    notes: tuple[str, ...] = ()
    tracking_error: tracking.TrackingError | None = None

    @property
    def verdict(self) -> str:
        """What is to be done, in one sentence."""
        names: dict[str, list[str]] = {}
        for rule in self.health.rules:
            names.setdefault(rule.verdict, []).append(rule.rule)
        kept = len(names.pop(KEEP, []))
        rest = f"{kept} rule{'s are' if kept != 1 else ' is'} kept"
        if not names:
            return f"nothing to mend: {rest}"
        return "; ".join([*(f"{verdict} {some(rules, 8)}" for verdict, rules in names.items()), rest])

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for JSON."""
        return {
            "run": self.run,
            "gold": self.gold,
            "verdict": self.verdict,
            **self.health.to_dict(),
            "over": None if self.over is None else self.over.to_dicts(),
            "notes": list(self.notes),
        }


def health_of_rules(
    config: Config,
    project: Path,
    *,
    run: str = "last",
    limits: HealthLimits | None = None,
    by: str | None = None,
    every: str = "month",
) -> RulesHealth:
    """Judge the rules of a run by gold that was drawn by chance, by each other, and by the stored reference.

    Gold is that of closed audits that were drawn for figures, each a batch of its own, and the rows of the task's
    gold table that score, taken as one more random sample.

    Parameters
    ----------
    config, project
        Of the project.
    run
        The run, or `last`.
    limits
        What rules are held to.
    by
        A column of the corpus, or `shard`, over which votes are counted.
    every
        Window that times are put into.

    Raises
    ------
    GoldError
        There is no such run, or gold can't be read.
    """
    files = open_run(project, config.task.name, run)
    votes = pl.concat([part.drop("label") for part in files.parts()])
    gold, notes = gold_of_rules(files, config, project, votes["id"])
    drifted = drift_of_run(without_tracking(config), project, run=files.name)
    changes: Comparison | None = None if drifted is None else drifted.found
    outcomes = open_registry(config, project).outcome_codes()
    health = rule_health(votes, files.labels, gold, limits=limits, changes=changes, outcomes=outcomes)
    if drifted is None:
        notes.append(
            "no reference is stored, so nothing is said of what rules did before: weaklabel audit reference"
        )
    found = RulesHealth(
        files.name,
        dict(gold.group_by("batch").len().sort("batch").iter_rows()),
        replace(health, notes=()),
        None if by is None else _over(files, config, project, by, every),
        (*notes, *health.notes),
    )
    return _logged(found, config, project)


def gold_of_rules(
    files: RunFiles, config: Config, project: Path, ids: pl.Series
) -> tuple[pl.DataFrame, list[str]]:
    """Return the gold that rules are judged by, columns of `NO_GOLD`, and what to know of it.

    Parameters
    ----------
    files
        The run.
    config, project
        Of the project.
    ids
        Ids of the run's rows: gold of other rows is left out.
    """
    frames = [pl.DataFrame(schema=NO_GOLD)]
    notes: list[str] = []
    place = ledger_place(config, project)
    if not isinstance(place, Path) or place.is_file():
        closed = sorted(_closed(open_desk(config, project), notes), key=lambda one: one[0].plan.made_at)
        width = len(str(len(closed)))
        for number, (kept, frame) in enumerate(closed, 1):
            frames.append(frame.with_columns(batch=pl.lit(f"{number:0{width}} {kept.plan.name}")))
    scoring = open_gold_parts(open_task(config, project))[0]
    if scoring is not None and scoring.frame.height:
        inside = scoring.frame.height / max(len(ids), scoring.frame.height)
        source = gold_source(config)
        rest = pl.lit(f"0 {source}").alias("batch")
        frames.append(scoring.frame.select("id", "label", pl.lit(inside).alias("inclusion"), rest))
        if inside < 1:
            notes.append(
                f"the {scoring.frame.height} rows of {source} are taken for a random sample of the corpus"
            )
    gold = pl.concat([frame.select(list(NO_GOLD)) for frame in frames])
    outside = gold.filter(~pl.col("id").is_in(ids.implode()))
    if outside.height:
        notes.append(
            f"{outside.height} gold rows are not among the rows of run {files.name}: {some(outside['id'])}"
        )
    none = gold.filter(pl.col("label").is_null() & pl.col("id").is_in(ids.implode()))
    if none.height:
        notes.append(
            f"{none.height} gold rows are none of the labels: any vote for one, and any label there, counts as wrong"
        )
    left = gold.filter(pl.col("id").is_in(ids.implode()))
    if not left.height:
        notes.append(
            "no gold that was drawn by chance: weaklabel audit draw NAME --size 200, or task.gold.path"
        )
    return left, notes


def without_tracking(config: Config) -> Config:
    """Return a configuration that logs nothing.

    Examples
    --------
    >>> without_tracking(Config()).tracking.name
    'none'
    """
    return replace(config, tracking=replace(config.tracking, name="none"))


def _closed(desk: Desk, notes: list[str]) -> Iterator[tuple[Kept, pl.DataFrame]]:
    """Yield each audit of the task that is closed and was drawn for figures, with its gold and how likely it was drawn."""
    states, others, open_ = audit_states(desk.room), [], []
    for name in audit_names(desk.project):
        if name not in states or ended_by_erasure(audits_folder(desk.project) / name):
            continue
        kept = read_audit(desk.project, name, mark=audit_mark(desk.room, name))
        if kept.plan.task != desk.room.task:
            continue
        if states[name] == "open":
            open_.append(name)
        elif kept.plan.method != "figures":
            others.append(name)
        else:
            answers = audit_answers(desk.room, name).frame
            mine = answers.filter(pl.col("role") == "audit")
            if mine.height < answers.height:
                notes.append(
                    f"{answers.height - mine.height} rows of audit {name!r} were handed on, and measure nothing any more"
                )
            drawn = desk.room.ledger.records("draw", task=desk.room.task).filter(pl.col("batch") == name)
            chance = drawn.select(id="item", inclusion="inclusion")
            yield kept, mine.select("id", "label").join(chance, on="id")
    if open_:
        notes.append(f"answers of open audits are not looked at: {some(open_)}")
    if others:
        notes.append(f"audits that were not drawn for figures are not used: {some(others)}")


def _over(files: RunFiles, config: Config, project: Path, by: str, every: str) -> pl.DataFrame:
    corpus = corpus_of(files, config, project)
    check_column(corpus, by)
    if by == SHARD:
        frame = pl.concat(list(files.parts())).join(pl.concat(list(files.parts(["id", SHARD]))), on="id")
    else:
        frame = with_columns(files, corpus, [by])
    values, _ = windows(frame[by], every)
    return votes_over(frame.with_columns(values.alias(by)), files.labels, by)


def _logged(found: RulesHealth, config: Config, project: Path) -> RulesHealth:
    """Log each rule's precision and verdict where the settings say so; no ids, no texts."""
    store = tracking_store(config, project)
    if store is None:
        return found
    rules = found.health.rules
    metrics = {
        f"rules/{rule.rule}/precision/{end}": getattr(rule.precision, end)
        for rule in rules
        for end in ("value", "low", "high")
    }
    table = pl.DataFrame(
        [(r.rule, r.verdict, r.coverage, r.precision.value, r.precision.n, r.agreement.value) for r in rules],
        schema={
            "rule": pl.String,
            "verdict": pl.String,
            "coverage": pl.Float64,
            "precision": pl.Float64,
            "gold": pl.Int64,
            "agreement": pl.Float64,
        },
        orient="row",
    )
    record = tracking.Record(
        name=f"rules of {found.run}",
        tags={"weaklabel.task": config.task.name, "weaklabel.kind": "rule health"},
        parameters={"run": found.run},
        metrics=metrics,
        tables={"rules/health.json": table},
    )
    try:
        tracking.log_run(store, record)
    except tracking.TrackingError as error:
        return replace(found, tracking_error=error)
    return found
