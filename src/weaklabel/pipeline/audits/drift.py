"""`audit reference` and `audit drift`: a run against what an earlier one was like."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from weaklabel import tracking
from weaklabel.audit.alignment import Rerun, alignment, rerun
from weaklabel.audit.attribution import WORDS, Attribution, attribute, matched_words
from weaklabel.audit.drift import CLASS, FIRES, LEVEL, MIX, Change, Drift, drift
from weaklabel.audit.label_shift import label_shift
from weaklabel.audit.reference import Comparison, Reference, read_reference
from weaklabel.audit.text_drift import count_texts, text_changes
from weaklabel.audit.text_model import hashed_order
from weaklabel.errors import GoldError
from weaklabel.lf import LabelingFunction, LFRegistry
from weaklabel.pipeline.audits.drift_files import (
    RunFiles,
    Texts,
    corpus_of,
    counted_votes,
    open_run,
    reference_place,
    texts_of,
)
from weaklabel.pipeline.audits.files import alone, write_json
from weaklabel.pipeline.task import make_applier, open_registry
from weaklabel.pipeline.whole import tracking_store
from weaklabel.schema import VOTE_PREFIX
from weaklabel.settings import Config


@dataclass(frozen=True)
class Stored:
    """A reference that was stored; made by `store_reference`.

    Parameters
    ----------
    path
        Where it is.
    run
        The run that it is of.
    rows
        Rows of that run.
    before
        The run of the reference that stood there before; None: there was none.
    notes
        What to know.

    Examples
    --------
    >>> print(Stored(Path("r.json"), "r1", 20, None).sentence)
    run r1 with 20 rows is the reference from now on
    """

    path: Path
    run: str
    rows: int
    before: str | None
    notes: tuple[str, ...] = ()

    @property
    def sentence(self) -> str:
        """What was done, in words."""
        instead = f", in place of run {self.before}" if self.before not in (None, self.run) else ""
        return f"run {self.run} with {self.rows:,} rows is the reference from now on{instead}"

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for JSON."""
        head = {"reference": str(self.path), "run": self.run, "rows": self.rows, "before": self.before}
        return {**head, "sentence": self.sentence, "notes": list(self.notes)}


@dataclass(frozen=True)
class Drifted:
    """What has changed; made by `drift_of_run` and `weaklabel.pipeline.audits.drift_parts.drift_within`.

    Parameters
    ----------
    run
        The run that was looked at.
    against
        What it was compared with, in words.
    found
        All comparisons, and why rules changed.
    notes
        What else is to be said.
    again
        Stored votes against those of the rules run again, if that was asked for.
    tracking_error
        Why nothing was logged.

    Examples
    --------
    >>> Drifted("r2", "run r1", Comparison(Drift(()))).alarm
    False
    """

    run: str
    against: str
    found: Comparison
    notes: tuple[str, ...] = ()
    again: Rerun | None = None
    tracking_error: tracking.TrackingError | None = None

    @property
    def alarm(self) -> bool:
        """Whether someone should look."""
        return self.found.alarm or (self.again is not None and self.again.alarm)

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for JSON."""
        return {
            "run": self.run,
            "against": self.against,
            **self.found.to_dict(),
            "alarm": self.alarm,
            "notes": list(self.notes),
            "again": None if self.again is None else self.again.to_dict(),
        }


def store_reference(config: Config, project: Path, *, run: str = "last") -> Stored:
    """Store what a run's votes, labels and texts are like, for later comparisons.

    Parameters
    ----------
    config, project
        Of the project.
    run
        The run, or `last`.

    Raises
    ------
    GoldError
        There is no such run.

    Notes
    -----
    The file holds counts and frequent words, no texts and no ids; it stays in the project.
    """
    task = config.task.name
    files = open_run(project, task, run)
    rules, told = rules_of(files, config, project)
    texts = texts_of(files, config, project, columns=columns_read(rules))
    counts = None if texts.frame is None else count_texts(texts.frame, languages=True)
    kept = Reference(counted_votes(files), counts, _words(rules, texts, WORDS), _facts(files, texts))
    place = reference_place(project, task)
    earlier = read_reference(place).facts.get("run") if place.is_file() else None
    with alone(project):
        write_json(place, kept.to_dict())
    notes = tuple(note for note in (texts.note, told) if note)
    return Stored(place, files.name, kept.votes.rows, None if earlier is None else str(earlier), notes)


def drift_of_run(
    config: Config, project: Path, *, run: str = "last", level: float = LEVEL, again: int = 0
) -> Drifted | None:
    """Compare a run with the stored reference; None: there is no reference yet.

    Parameters
    ----------
    config, project
        Of the project.
    run
        The run, or `last`.
    level
        Chance of any alarm when nothing has changed.
    again
        Rows on which the rules are run again, to see whether they vote as stored.

    Raises
    ------
    GoldError
        There is no such run, or it has other labels than the reference.
    """
    place = reference_place(project, config.task.name)
    if not place.is_file():
        return None
    kept = read_reference(place)
    files = open_run(project, config.task.name, run)
    rules, told = rules_of(files, config, project)
    texts = texts_of(files, config, project, columns=columns_read(rules))
    votes = counted_votes(files, like=kept.votes)
    changes: list[Change] = []
    if kept.texts is not None and texts.frame is not None:
        languages = bool(kept.texts.languages)
        changes += text_changes(kept.texts, count_texts(texts.frame, like=kept.texts, languages=languages))
    fits, apart = _belong(kept, files, texts, config, project)
    found = drift(kept.votes, votes, more=[*changes, *fits], level=level)
    notes = [texts.note, told, apart, *_shifted(found, kept, votes.labeled)]
    result = Drifted(
        files.name,
        f"the reference, run {kept.facts.get('run')} of {str(kept.facts.get('made_at'))[:10]}",
        Comparison(found, _reasons(found, kept, votes.fires / max(votes.rows, 1), files, texts, rules)),
        tuple(note for note in notes if note),
        _again(files, config, project, again) if again else None,
    )
    return logged(result, config, project)


def rules_of(files: RunFiles, config: Config, project: Path) -> tuple[tuple[LabelingFunction, ...], str]:
    """Return the rules of a run, and what to know: none where the folder holds others by now."""
    registry = _registry(files, config, project)
    if registry is None:
        return (
            (),
            f"the rules have been changed since run {files.name}: which of their words moved is not said",
        )
    return tuple(rule for rule in registry.rules if rule.id in files.rules), ""


def _registry(files: RunFiles, config: Config, project: Path) -> LFRegistry | None:
    registry = open_registry(config, project).active()
    return registry if registry.fingerprint == files.prints.get("rules") else None


def columns_read(rules: Sequence[LabelingFunction]) -> list[str]:
    """Return the columns that rules read."""
    return sorted({name for rule in rules for name in rule.fields})


def _words(rules: Sequence[LabelingFunction], texts: Texts, most: int | None) -> dict[str, dict[str, int]]:
    if texts.frame is None:
        return {}
    counted = ((rule.id, matched_words(rule, texts.frame, most=most)) for rule in rules)
    return {rule: words for rule, words in counted if words is not None}


def _facts(files: RunFiles, texts: Texts) -> dict[str, Any]:
    return {
        "run": files.name,
        "made_at": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "prints": dict(files.prints),
        "text_rows": 0 if texts.frame is None else texts.frame.height,
        "confusion": _confusion(files).tolist(),
    }


def _confusion(files: RunFiles) -> np.ndarray:
    """Return how many rows of each class (first axis) have each label, as the model's probabilities say."""
    table = pl.read_parquet(files.folder / "labels.parquet", columns=["label", "probabilities"])
    labeled = table.drop_nulls()
    found = np.zeros((len(files.labels), len(files.labels)))
    for code, name in enumerate(files.labels):
        rows = labeled.filter(pl.col("label") == name)["probabilities"]
        if rows.len():
            found[:, code] = np.array(rows.to_list(), np.float64).sum(axis=0)
    return found


def _shifted(found: Drift, kept: Reference, labeled: np.ndarray | None) -> list[str]:
    """Say what the true shares of the classes may be, where the labels' shares are seen to move."""
    confusion = np.array(kept.facts.get("confusion", []), np.float64)
    moved = any(change.kind in (CLASS, MIX) for change in found.alarms)
    if not moved or labeled is None or not confusion.size or not (confusion.sum(axis=1) > 0).all():
        return []
    if not labeled.sum():
        return []
    sentences = label_shift(kept.votes.labels, confusion, labeled).sentences()
    return [f"by the label model's own probabilities, {'; '.join(sentences)}"]


def _belong(
    kept: Reference, files: RunFiles, texts: Texts, config: Config, project: Path
) -> tuple[list[Change], str]:
    """Test whether votes still belong to their texts, where the reference's run and its texts are still there."""
    if kept.facts.get("run") == files.name or texts.frame is None:
        return [], ""
    if kept.facts.get("prints", {}).get("rules") != files.prints.get("rules"):
        return (
            [],
            "whether votes belong to their texts was not tested: the rules are not those of the reference",
        )
    try:
        earlier = texts_of(open_run(project, config.task.name, str(kept.facts["run"])), config, project)
    except GoldError:
        return (
            [],
            "whether votes belong to their texts was not tested: the reference's run is not there any more",
        )
    if earlier.frame is None:
        return [], "whether votes belong to their texts was not tested: the reference's texts are not at hand"
    found = alignment(earlier.frame, texts.frame)
    return [found.change()], found.sentence()


def _reasons(
    found: Drift,
    kept: Reference,
    shares: np.ndarray,
    files: RunFiles,
    texts: Texts,
    rules: Sequence[LabelingFunction],
) -> tuple[Attribution, ...]:
    """Say which words of a rule explain that it fires more or less often; words are counted on a sample."""
    alarmed = {change.name for change in found.alarms if change.kind == FIRES}
    if texts.frame is None:
        return ()
    sizes = int(kept.facts.get("text_rows") or kept.votes.rows), texts.frame.height
    told = []
    for rule in (r for r in rules if r.id in alarmed and r.id in kept.words):
        before = kept.words[rule.id]
        after = matched_words(rule, texts.frame, most=None) or {}
        if len(before) >= WORDS:  # of rarer words nobody knows how frequent they were
            after = {word: n for word, n in after.items() if word in before}
        was = kept.votes.fires[kept.votes.rules.index(rule.id)] / max(kept.votes.rows, 1)
        now = shares[files.rules.index(rule.id)]
        fires = round(float(was) * sizes[0]), round(float(now) * sizes[1])
        told.append(attribute(rule.id, before, sizes[0], after, sizes[1], fires=fires))
    return tuple(told)


def _again(files: RunFiles, config: Config, project: Path, rows: int) -> Rerun:
    registry = _registry(files, config, project)
    if registry is None:
        raise GoldError(
            f"the rules have been changed since run {files.name}: they can't be run again to compare votes",
            hint="weaklabel run",
        )
    corpus = corpus_of(files, config, project)
    stored = pl.concat(list(files.parts()))
    chosen = stored["id"].gather(hashed_order(stored["id"], 1)[:rows])
    sample = corpus.scan().filter(pl.col("id").is_in(chosen.implode())).collect()
    then = replace(
        config, task=replace(config.task, date=files.days.get("date"), today=files.days.get("today"))
    )
    votes = make_applier(then, registry, project).apply(sample, id="id")
    return rerun(stored, votes.frame.select("id", *(c for c in stored.columns if c.startswith(VOTE_PREFIX))))


def logged(result: Drifted, config: Config, project: Path) -> Drifted:
    """Log the figures of all comparisons where the settings say so: no words, no texts."""
    store = tracking_store(config, project)
    if store is None:
        return result
    found = result.found.drift
    numbers: Mapping[str, float] = {
        "drift/alarms": float(len(found.alarms)),
        "drift/comparisons": float(found.tests),
    }
    columns = ("part", "kind", "name", "before", "after", "n_before", "n_after", "p", "adjusted", "alarm")
    table = pl.DataFrame(
        [tuple(getattr(change, name) for name in columns) for change in found.changes],
        schema=dict.fromkeys(columns, pl.Float64)
        | {"part": pl.String, "kind": pl.String, "name": pl.String, "alarm": pl.Boolean},
        orient="row",
        strict=False,
    )
    record = tracking.Record(
        name=f"drift of {result.run}",
        tags={"weaklabel.task": config.task.name, "weaklabel.kind": "drift"},
        parameters={"run": result.run, "against": result.against, "level": found.level},
        metrics=numbers,
        tables={"drift/changes.json": table},
    )
    try:
        tracking.log_run(store, record)
    except tracking.TrackingError as error:
        return replace(result, tracking_error=error)
    return result
