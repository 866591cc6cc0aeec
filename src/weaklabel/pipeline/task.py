"""A task opened: its rules, its corpus, its gold."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl

from weaklabel.apply import LFApplier, Limits
from weaklabel.config import Config
from weaklabel.config_errors import as_settings
from weaklabel.corpus import Corpus
from weaklabel.errors import ConfigError, GoldError, RuleError, SchemaError, did_you_mean
from weaklabel.export import write_text, writing
from weaklabel.gold import Gold, load_gold
from weaklabel.lf import LabelingFunction, LFRegistry
from weaklabel.runs import HOME, home
from weaklabel.schema import LabelSchema

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
    options = {
        "id": corpus.id,
        "text": corpus.text,
        "format": corpus.format,
        "separator": corpus.separator,
        "quote": corpus.quote,
    }
    with as_settings("task.corpus", options):
        opened = Corpus.open(corpus.path, **options, root=project, digests=_digests(project))
        opened.check_ids()
    return opened


def remember_digests(task: Task) -> None:
    """Keep the digests of the corpus' files by path, size and time of change, so that they are read once."""
    path = home(task.project) / _DIGESTS
    known = {**_digests(task.project), **task.corpus.digests}
    with writing(path):
        path.parent.mkdir(exist_ok=True)
        temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
        write_text(json.dumps(known, indent=0), temporary)
        temporary.replace(path)


def _digests(project: Path) -> dict[str, str]:
    """Return what is remembered; nothing when it can't be read: it is a cache."""
    try:
        known = json.loads((project / HOME / _DIGESTS).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return {str(k): str(v) for k, v in known.items()} if isinstance(known, dict) else {}


def open_task(config: Config, project: str | Path) -> Task:
    """Open a task's active rules and its corpus.

    Where some rules are right for some days only, and neither `date` nor `today` says which day it is, the task's own
    configuration says that it is this day.

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
    if not registry.schema.exclusive:
        raise SchemaError(
            "a run gives every row one label; this task's schema allows several",
            where=config.task.rules,
            hint="set `exclusive: true` in schema.yaml, or make one yes/no task of each label",
        )
    resting = tuple(rule for rule in everything if rule.state != "active")
    corpus = open_corpus(config, project)
    return Task(config=config, project=project, registry=registry, corpus=corpus, resting=resting)


def open_gold(task: Task) -> Gold | None:
    """Load the gold that scores a task's labels, from its table or from a column of the corpus; None: it has none.

    Rows of `task.gold.calibrate` are not among them.

    Examples
    --------
    >>> import tempfile
    >>> from weaklabel.config import load
    >>> from weaklabel.templates import write_project
    >>> project = write_project(Path(tempfile.mkdtemp()) / "desk")
    >>> open_gold(open_task(load(project), project)).frame.columns
    ['id', 'label']
    """
    part = task.config.task.gold.calibrate
    if isinstance(part, str):
        return _load_gold(task, f"COALESCE({part}, FALSE) = FALSE")
    gold = _load_gold(task)
    return gold if gold is None or part is None else gold.parted(part)[1]


def open_calibration(task: Task) -> Gold | None:
    """Load the gold that a task's label model is fitted with; None: `task.gold.calibrate` names none.

    Examples
    --------
    >>> import tempfile
    >>> from weaklabel.config import load
    >>> from weaklabel.templates import write_project
    >>> project = write_project(Path(tempfile.mkdtemp()) / "desk")
    >>> open_calibration(open_task(load(project), project)) is None
    True
    >>> task = open_task(load(project, ["task.gold.calibrate=0.5"]), project)
    >>> fitting, scoring = open_calibration(task).frame, open_gold(task).frame
    >>> set(fitting["id"]) & set(scoring["id"]), fitting.height + scoring.height > 0
    (set(), True)
    """
    part = task.config.task.gold.calibrate
    if part is None:
        return None
    if isinstance(part, str):
        return _load_gold(task, part)
    gold = _load_gold(task)
    return None if gold is None else gold.parted(part)[0]


def _load_gold(task: Task, condition: str | None = None) -> Gold | None:
    """Load gold rows for which the condition holds."""
    gold = task.config.task.gold
    where = " AND ".join(f"({part})" for part in (gold.where, condition) if part) or None
    if gold.column:
        frame = _gold_column(task, gold.column, where)
        return load_gold(frame, schema=task.schema, label=gold.column, where=where)
    if not gold.path:
        return None
    options: dict[str, Any] = {
        "id": gold.id,
        "label": gold.label,
        "annotator": gold.annotator,
        "time": gold.time,
        "where": where,
        "separator": gold.separator,
    }
    with as_settings("task.gold", options):
        return load_gold(task.project / gold.path, schema=task.schema, **options)


def _gold_column(task: Task, column: str, where: str | None) -> pl.DataFrame:
    """Return id, the gold column by label names, and the columns that its condition reads."""
    gold, columns = task.config.task.gold, task.corpus.columns
    if column not in columns:
        raise GoldError(
            f"task.gold.column: the corpus has no column {column!r}",
            available=columns,
            hint=did_you_mean(column, columns),
        )
    wanted = ("id", column, *(c for c in columns if where and c in where))
    frame = task.corpus.scan().select(*dict.fromkeys(wanted)).collect()
    if gold.codes is None or gold.codes is False:
        if frame[column].dtype.is_integer():
            raise GoldError(
                f"the gold column {column!r} holds numbers",
                hint="set task.gold.codes: true (schema order), or a list or mapping of label names",
            )
        return frame
    return _named(frame, _code_names(gold.codes, task.schema), column)


def _code_names(codes: Any, schema: LabelSchema) -> dict[int, str]:
    if codes is True:
        return dict(enumerate(schema.names))
    pairs = codes.items() if isinstance(codes, Mapping) else enumerate(codes)
    return {int(code): schema.label(schema.code(str(name), where="task.gold.codes")) for code, name in pairs}


def _named(frame: pl.DataFrame, names: Mapping[int, str], column: str) -> pl.DataFrame:
    """Put names for codes; a negative code means that the label is unknown."""
    strange = frame.filter((pl.col(column) >= 0) & ~pl.col(column).is_in(list(names)))
    if strange.height:
        first = strange.row(0, named=True)
        raise GoldError(
            f"the gold column {column!r} holds the code {first[column]}, which has no label",
            where=f"row {first['id']}",
            available=[f"{code} = {name}" for code, name in names.items()],
        )
    known = pl.when(pl.col(column) >= 0).then(pl.col(column))
    return frame.with_columns(known.replace_strict(names, return_dtype=pl.String, default=None).alias(column))
