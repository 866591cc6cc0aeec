"""A task opened: its rules and its corpus."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

from weaklabel.apply import LFApplier, Limits
from weaklabel.config_errors import as_settings
from weaklabel.corpus import Corpus
from weaklabel.errors import ConfigError, RuleError, SchemaError, did_you_mean
from weaklabel.export import write_text, writing
from weaklabel.lf import LabelingFunction, LFRegistry
from weaklabel.runs import HOME, home
from weaklabel.schema import LabelSchema
from weaklabel.settings import Config

_DIGESTS = "cache/digests.json"


@dataclass(frozen=True, kw_only=True)
class Task:
    """A task's parts, opened and checked.

    Parameters
    ----------
    config, project
        Where they come from.
    registry
        Its active rules, with the schema.
    corpus
        Its rows.
    resting
        Its other rules: drafts, and what was retired.

    Examples
    --------
    >>> import tempfile
    >>> from weaklabel.config import load
    >>> from weaklabel.templates import write_project
    >>> project = write_project(Path(tempfile.mkdtemp()) / "desk")
    >>> task = open_task(load(project), project)
    >>> task.schema.names, len(task.registry.rules), task.corpus.count()
    (('question', 'complaint', 'thanks'), 3, 30)
    """

    config: Config
    project: Path
    registry: LFRegistry
    corpus: Corpus
    resting: tuple[LabelingFunction, ...] = ()

    @property
    def schema(self) -> LabelSchema:
        """The task's labels."""
        return self.registry.schema

    @property
    def all_rules(self) -> LFRegistry:
        """Its rules, those that rest and those that are slices too."""
        if not self.resting:
            return self.registry
        rules = [*self.registry.rules, *self.resting]
        return LFRegistry(rules, schema=self.schema, features=self.registry.features)


def open_registry(config: Config, project: Path) -> LFRegistry:
    """Load a task's rules; a folder that is not there is named with those beside it.

    Examples
    --------
    >>> import tempfile
    >>> from weaklabel.config import load
    >>> from weaklabel.templates import write_project
    >>> project = write_project(Path(tempfile.mkdtemp()) / "desk")
    >>> [rule.id for rule in open_registry(load(project), project).rules]
    ['grumbles', 'asks', 'says_thanks']
    """
    folder = project / config.task.rules
    if not folder.is_dir():
        beside = sorted(p.name for p in folder.parent.glob("*/")) if folder.parent.is_dir() else []
        raise ConfigError(
            f"task.rules: there is no folder {config.task.rules!r}",
            where=str(project),
            available=beside,
            hint=did_you_mean(folder.name, beside),
        )
    return LFRegistry.from_folder(folder)


def make_applier(config: Config, registry: LFRegistry, project: Path) -> LFApplier:
    """Return what votes for a task's rules.

    Examples
    --------
    >>> from weaklabel.lf import keywords
    >>> rules = LFRegistry([keywords("asks", ["please"], label="ham")], schema=LabelSchema(["ham", "spam"]))
    >>> make_applier(Config(), rules, Path("desk")).limits.seconds
    300.0
    """
    task = config.task
    return LFApplier(
        registry,
        on_error="abstain" if task.on_error == "abstain" else "raise",
        date=task.date,
        today=date.fromisoformat(task.today) if task.today else None,
        limits=Limits(seconds=task.limits.seconds, megabytes=task.limits.megabytes),
        cache=project / HOME / "cache",
    )


def label_of(registry: LFRegistry, rule: LabelingFunction) -> str | None:
    """Return the label of a rule by its name in the schema, not an alias; None when it chooses one for each row.

    Examples
    --------
    >>> from weaklabel.lf import keywords
    >>> from weaklabel.schema import Label
    >>> schema = LabelSchema(["ham", Label("spam", aliases=("junk",))])
    >>> registry = LFRegistry([keywords("sells", ["buy now"], label="junk")], schema=schema)
    >>> label_of(registry, registry["sells"])
    'spam'
    """
    code = registry.label_code(rule)
    return None if code is None else registry.meaning(rule, code)


def relative(source: object, folder: Path) -> str:
    """Return file and line of a rule, relative to a folder when they lie in it.

    Examples
    --------
    >>> folder = Path("desk").absolute()
    >>> relative(f"{folder / 'rules.py'}:5", folder)
    'rules.py:5'
    """
    return str(source or "").removeprefix(f"{folder}{os.sep}")


def open_corpus(config: Config, project: Path) -> Corpus:
    """Open a task's corpus; paths are relative to the project.

    Examples
    --------
    >>> import tempfile
    >>> from weaklabel.config import load
    >>> from weaklabel.templates import write_project
    >>> project = write_project(Path(tempfile.mkdtemp()) / "desk")
    >>> open_corpus(load(project), project).columns
    ('id', 'text')
    """
    corpus = config.task.corpus
    options: dict[str, Any] = {
        "id": corpus.id,
        "text": corpus.text,
        "format": corpus.format,
        "separator": corpus.separator,
        "quote": corpus.quote,
    }
    with as_settings("task.corpus", options):
        opened = Corpus.open(
            corpus.path, **options, root=project, digests=known_digests(project), storage=config.storage
        )
        opened.check_ids()
    return opened


def need_one_label(schema: LabelSchema, where: str) -> None:
    """Raise unless every row has one label.

    Examples
    --------
    >>> need_one_label(LabelSchema(["ham", "spam"]), "labeling_functions/sms")
    """
    if not schema.exclusive:
        raise SchemaError(
            "this is for tasks that give every row one label; this task's schema allows several",
            where=where,
            hint="`weaklabel run` labels such tasks; for the rest, make one yes/no task of each label",
        )


def remember_digests(task: Task) -> None:
    """Keep the digests of the corpus' files by path, size and time of change, so that they are read once."""
    path = home(task.project) / _DIGESTS
    known = {**known_digests(task.project), **task.corpus.digests}
    with writing(path):
        path.parent.mkdir(exist_ok=True)
        temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
        write_text(json.dumps(known, indent=0), temporary)
        temporary.replace(path)


def known_digests(project: Path) -> dict[str, str]:
    """Return what is remembered of files that were read; nothing when it can't be read: it is a cache.

    Examples
    --------
    >>> known_digests(Path("nowhere"))
    {}
    """
    try:
        known = json.loads((project / HOME / _DIGESTS).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return {str(k): str(v) for k, v in known.items()} if isinstance(known, dict) else {}


def open_task(config: Config, project: str | Path, *, several: bool = False) -> Task:
    """Open a task's active rules and its corpus.

    Where some rules are right for some days only, and neither `date` nor `today` says which day it is, the task's own
    configuration says that it is this day.

    Parameters
    ----------
    config, project
        The task.
    several
        Whether its rows may have several labels; otherwise such a task is an error.

    Examples
    --------
    >>> import tempfile
    >>> from weaklabel.config import load
    >>> from weaklabel.templates import write_project
    >>> project = write_project(Path(tempfile.mkdtemp()) / "desk")
    >>> task = open_task(load(project), project)
    >>> task.config.task.name, task.corpus.format
    ('first', 'jsonl')
    """
    project = Path(project).absolute()
    everything = open_registry(config, project)
    registry = everything.active()
    if all(rule.muted for rule in registry):
        raise RuleError("every rule is muted: no vote counts", where=config.task.rules, hint="muted: false")
    if any(rule.dated for rule in registry) and not (config.task.date or config.task.today):
        config = replace(config, task=replace(config.task, today=date.today().isoformat()))
    if not several:
        need_one_label(registry.schema, config.task.rules)
    resting = tuple(rule for rule in everything if rule.state != "active")
    corpus = open_corpus(config, project)
    return Task(config=config, project=project, registry=registry, corpus=corpus, resting=resting)
