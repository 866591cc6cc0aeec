"""A bulk relabeling before it begins: what it is made from, what stands, what has changed, and what is to be done."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Any

from weaklabel.config import plain
from weaklabel.config_errors import as_settings
from weaklabel.corpus import Corpus, Shard
from weaklabel.errors import ConfigError, ModelError, Problems, RuleError, SchemaError, WeakLabelError
from weaklabel.fingerprint import file_digest, fingerprint
from weaklabel.gold import Gold
from weaklabel.label_model.saved import read_state, schema_mark
from weaklabel.lf import LFRegistry
from weaklabel.pipeline.gold import Calibration, open_gold_parts
from weaklabel.pipeline.label_places import models_folder, open_label_table, working_files
from weaklabel.pipeline.task import Task, known_digests, open_registry
from weaklabel.settings import Config
from weaklabel.store.label_table import LabelTable
from weaklabel.store.vote_keys import vote_keys

logger = logging.getLogger("weaklabel.relabel")

FORM = 1
"""Raised when the same inputs would give other labels or other files."""
SEEN = "seen.npy"
"""In a model's folder: keys of the vote patterns that its fit has seen, ascending."""
KEPT = ("corpus", "rules", "schema", "gold", "settings", "threshold")
"""What a version says it was made from, beside its model."""


@dataclass(frozen=True, kw_only=True)
class Bulk:
    """Everything that a bulk relabeling is made from, opened.

    Parameters
    ----------
    task
        Its task: configuration, rules, and the corpus as far as it can be read; ids are not checked.
    failures
        Files of the corpus that can't be read.
    counted
        The rules whose votes count.
    keys
        Their vote keys, by id.
    gold, calibration
        What scores the labels, and what the model learns from.
    table
        The label table.
    standing
        Its newest version; None: there is none.
    said
        What that version says of itself.
    """

    task: Task
    failures: tuple[WeakLabelError, ...]
    counted: LFRegistry
    keys: Mapping[str, str]
    gold: Gold | None
    calibration: Calibration | None
    table: LabelTable
    standing: int | None
    said: Mapping[str, str] = field(default_factory=dict)

    @property
    def config(self) -> Config:
        """The task's configuration."""
        return self.task.config

    @property
    def home(self) -> Path:
        """Where the working files of this task's relabelings lie."""
        return working_files(self.config, self.task.project)

    @property
    def models(self) -> Path:
        """Where the models of this task lie, one folder each."""
        return models_folder(self.config, self.task.project)

    @cached_property
    def shards(self) -> tuple[Shard, ...]:
        """The shards of the corpus."""
        return self.task.corpus.shards()

    @cached_property
    def digests(self) -> tuple[str, ...]:
        """The digest of each shard."""
        return tuple(self.task.corpus.digest(shard) for shard in self.shards)

    @cached_property
    def inputs(self) -> dict[str, str]:
        """What the labels are made from, by the names in `KEPT`."""
        config, known = self.config, self.calibration
        gold = [None if self.gold is None else self.gold.fingerprint, known.fingerprint if known else None]
        return {
            "corpus": self.task.corpus.fingerprint,
            "rules": fingerprint(sorted(self.keys.items())),
            "schema": str(schema_mark(self.task.schema, len(self.task.schema))["fingerprint"]),
            "gold": "" if gold == [None, None] else fingerprint(gold),
            "settings": fingerprint([plain(config.label_model), config.calibrator]),
            "threshold": "" if config.task.threshold is None else repr(config.task.threshold),
        }

    @cached_property
    def changed(self) -> dict[str, Any]:
        """What differs from the version that stands; rules by name."""
        if self.standing is None:
            return {"first": True}
        found: dict[str, Any] = {k: True for k in KEPT if self.said.get(k) != self.inputs[k]}
        if "rules" in found:
            found["rules"] = self._changed_rules()
        return found

    def _changed_rules(self) -> dict[str, list[str]]:
        before = json.loads(self.said.get("rule_fingerprints") or "{}")
        now = {rule.id: rule.fingerprint for rule in self.counted}
        return {
            "new": [id for id in now if id not in before],
            "gone": [id for id in before if id not in now],
            "changed": [id for id, mark in now.items() if before.get(id, mark) != mark],
        }


@dataclass(frozen=True, kw_only=True)
class Decision:
    """What is to be done.

    Parameters
    ----------
    how
        `nothing`, `fit` (votes, then a fit, then labels) or `model` (one pass with a model that is there).
    why
        In one sentence.
    job
        The job's key: the same key means the same labels in the same files.
    model
        The version of the model that is used; None: one is fitted.
    source
        Its folder.
    """

    how: str
    why: str
    job: str
    model: str | None = None
    source: Path | None = None


def open_bulk(config: Config, project: str | Path) -> Bulk:
    """Open what a bulk relabeling is made from; files of the corpus that can't be read are named, not raised.

    Raises
    ------
    WeakLabelError
        The rules, the settings, the gold or the whole corpus are wrong.

    Examples
    --------
    >>> import tempfile
    >>> from weaklabel.config import load
    >>> from weaklabel.templates import write_project
    >>> project = write_project(Path(tempfile.mkdtemp()) / "desk")
    >>> bulk = open_bulk(load(project), project)
    >>> bulk.task.corpus.count(), len(bulk.keys), bulk.standing, bulk.changed
    (30, 3, None, {'first': True})
    """
    project = Path(project).absolute()
    everything = open_registry(config, project)
    registry = everything.active()
    if all(rule.muted for rule in registry):
        raise RuleError("every rule is muted: no vote counts", where=config.task.rules, hint="muted: false")
    if any(rule.dated for rule in registry) and not (config.task.date or config.task.today):
        config = replace(config, task=replace(config.task, today=date.today().isoformat()))
    if not registry.schema.exclusive:
        raise SchemaError(
            "relabeling gives every row one label; this task's schema allows several",
            where=config.task.rules,
            hint="set `exclusive: true` in schema.yaml, or make one yes/no task of each label",
        )
    corpus, failures = _open_corpus(config, project)
    task = Task(config=config, project=project, registry=registry, corpus=corpus)
    counted = registry.subset(rule.id for rule in registry if not rule.muted)
    today = date.fromisoformat(config.task.today) if config.task.today else None
    on_error: Any = config.task.on_error
    keys = vote_keys(counted, on_error=on_error, date=config.task.date, today=today)
    gold, calibration = open_gold_parts(task)
    table = open_label_table(config, project)
    standing = table.version()
    return Bulk(
        task=task,
        failures=failures,
        counted=counted,
        keys=keys,
        gold=gold,
        calibration=calibration,
        table=table,
        standing=standing,
        said={} if standing is None else table.metadata(standing),
    )


def decide(bulk: Bulk, *, refit: bool = False) -> Decision:
    """Return what is to be done: nothing, a pass with the model that stands or is given, or a fit.

    Parameters
    ----------
    bulk
        What the labels are made from.
    refit
        A model is fitted even where the one that stands would do.

    Examples
    --------
    >>> import tempfile
    >>> from weaklabel.config import load
    >>> from weaklabel.templates import write_project
    >>> project = write_project(Path(tempfile.mkdtemp()) / "desk")
    >>> decision = decide(open_bulk(load(project), project))
    >>> decision.how, decision.why, len(decision.job)
    ('fit', 'there are no labels yet', 16)
    """
    given = bulk.config.relabel.model
    if given is not None and refit:
        raise ConfigError(
            f"--refit fits a model, and relabel.model={given} names one", hint="keep one of them"
        )
    if given is not None:
        folder, version = _given_model(bulk, given)
        return _with_model(bulk, version, folder, f"relabel.model={given}")
    why = _why_fit(bulk, refit)
    if why is None:
        version = bulk.said["model"]
        return _with_model(bulk, version, bulk.models / version, "only rows or the threshold changed")
    limits = {"memory": bulk.config.relabel.memory}
    job = _key({"fit": limits, **bulk.inputs})
    if bulk.said.get("job") == job:
        return Decision(how="nothing", why=_nothing(bulk), job=job)
    return Decision(how="fit", why=why, job=job)


def _why_fit(bulk: Bulk, refit: bool) -> str | None:
    """Return why a model is fitted; None: the one that stands will do."""
    if bulk.standing is None:
        return "there are no labels yet"
    if refit:
        return "--refit asks for it"
    others = [name for name in bulk.changed if name in ("rules", "schema", "gold", "settings")]
    if others:
        return f"changed since version {bulk.standing}: {', '.join(others)}"
    version = bulk.said.get("model", "")
    if not version or not (bulk.models / version).is_dir():
        return f"the model of version {bulk.standing} is not here"
    return None


def _with_model(bulk: Bulk, version: str, folder: Path, why: str) -> Decision:
    wanted = {name: bulk.inputs[name] for name in ("corpus", "rules", "schema", "threshold")}
    job = _key({"model": version, **wanted})
    same = bulk.said.get("model") == version and not (set(wanted) & set(bulk.changed))
    how = "nothing" if bulk.standing is not None and same else "model"
    job = bulk.said.get("job", job) if how == "nothing" else job
    return Decision(
        how=how, why=_nothing(bulk) if how == "nothing" else why, job=job, model=version, source=folder
    )


def _nothing(bulk: Bulk) -> str:
    return f"version {bulk.standing} holds the labels of these rules, rows, gold and settings"


def _given_model(bulk: Bulk, given: str) -> tuple[Path, str]:
    """Return folder and version of the model that `relabel.model` names, checked against labels and rules."""
    from weaklabel import label_model

    if given == "champion":
        if bulk.standing is None:
            raise ModelError(
                "relabel.model=champion is the model of the labels that stand, and there are none yet",
                where=bulk.table.root,
                hint="weaklabel relabel without it fits one",
            )
        version = bulk.said.get("model", "")
        folder = bulk.models / version
        if not version or not folder.is_dir():
            what = f"the model of version {bulk.standing} is not here"
            raise ModelError(what, where=str(folder), hint="weaklabel relabel --refit fits one")
    else:
        folder = bulk.task.project / given
    label_model.load(inner_model(folder), schema=bulk.task.schema, rules=bulk.counted)
    return folder, version_of(folder)


def inner_model(folder: Path) -> Path:
    """Return the folder that `LabelModel.save` wrote: this one, or one in it, as in the folder of a run.

    Examples
    --------
    >>> inner_model(Path("nowhere")).name
    'nowhere'
    """
    below = (folder, folder / "model", folder / "model" / "model")
    return next((path for path in below if (path / "model.json").is_file()), folder)


def model_version(folder: Path) -> str:
    """Return 16 hexadecimal digits that stand for what a saved model has learned.

    Examples
    --------
    >>> import tempfile
    >>> from weaklabel.label_model import create
    >>> saved = [create("majority_vote", n_classes=2).fit([[0, 1]]).save(tempfile.mkdtemp()) for _ in range(2)]
    >>> model_version(saved[0]) == model_version(saved[1])
    True
    """
    head, state = read_state(folder)
    arrays = {
        name: [str(value.dtype), list(value.shape), value.tobytes()]
        for name, value in state.items()
        if hasattr(value, "tobytes")
    }
    return fingerprint([{k: v for k, v in head.items() if k != "arrays"}, arrays])[:16]


def version_of(folder: Path) -> str:
    """Return the version of a model that is kept with the votes that its fit has seen, or of one that is not."""
    own = model_version(inner_model(folder))
    seen = folder / SEEN
    return fingerprint([own, file_digest(seen)])[:16] if seen.exists() else own


def _key(parts: Mapping[str, Any]) -> str:
    return fingerprint({"form": FORM, **parts})[:16]


def _open_corpus(config: Config, project: Path) -> tuple[Corpus, tuple[WeakLabelError, ...]]:
    corpus = config.task.corpus
    options = {
        "id": corpus.id,
        "text": corpus.text,
        "format": corpus.format,
        "separator": corpus.separator,
        "quote": corpus.quote,
    }
    with as_settings("task.corpus", options):
        opened, failures = Corpus.open_tolerant(
            corpus.path,
            **options,
            root=project,
            digests=known_digests(project),
            unchecked=True,
            storage=config.storage,
        )
    if opened is None:
        raise failures[0] if len(failures) == 1 else Problems("the corpus", failures)
    return opened, failures
