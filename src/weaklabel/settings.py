"""Every setting with its default, and what is wrong with the values that a project gives."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Optional

from weaklabel.corpus.separators import one_character
from weaklabel.errors import ConfigError, WeakLabelError, did_you_mean
from weaklabel.export import TAG_FORMATS
from weaklabel.label_model.calibration import CALIBRATORS
from weaklabel.storage import credentials_in, holds_credentials

FORMATS = (*dict.fromkeys(("jsonl", "csv", *TAG_FORMATS)),)
ON_ERROR = ("raise", "abstain")
TRACKERS = ("mlflow", "none")
UNKNOWN_GOLD = ("error", "leave_out")
LEDGER = "ledger"
"""What `task.gold.calibrate` says for gold of role calibrate in the gold room."""

# Hydra reads these annotations at run time and knows no `X | None` on every version we support: Optional it is.
# ruff: noqa: UP045


@dataclass
class CorpusConfig:
    """Where a task's rows are: files, and which column is what."""

    path: Any = "???"
    """A file, folder, glob, or a list of them; relative to the project, or in an object store: s3://bucket/mail/*.parquet."""
    id: Optional[str] = None
    """The id column; none = derived from file and row number."""
    text: Optional[str] = None
    """The column that rules call `text`; none = the column of that name."""
    format: Optional[str] = None
    """parquet, jsonl, csv, tsv or wrench; none = by the file's ending."""
    separator: Optional[str] = None
    """What separates the columns of CSV: a character, or comma, semicolon, tab, bar; none = by the header."""
    quote: Optional[str] = '"'
    """The quote character of CSV and TSV; null = quotes mean nothing."""


@dataclass
class GoldConfig:
    """Where the known labels are: a table of their own, or a column of the corpus."""

    path: Optional[str] = None
    """A table (CSV, JSONL, Parquet) with an id and a label column."""
    column: Optional[str] = None
    """A column of the corpus instead of a table."""
    codes: Any = None
    """Set when the column holds numbers: true = schema order, or a list or mapping of label names."""
    id: str = "id"
    label: Optional[str] = None
    """The column with the label; none = `label`, or `labels` where a row may have several."""
    unknown: str = "error"
    """Where a row may have several labels, and gold has one that the schema doesn't know: error, or leave_out."""
    annotator: Optional[str] = None
    time: Optional[str] = None
    where: Optional[str] = None
    """SQL condition on the gold table's (or the corpus') columns: only those rows are gold."""
    separator: Optional[str] = None
    """What separates the columns of a CSV table; as in corpus."""
    calibrate: Any = None
    """Gold rows that the label model is fitted with and that never score it: a SQL condition like `where`; a share of
    the rows (above 0, below 1), chosen by a hash of their ids; `ledger`, those of role calibrate in the gold room; or
    [ledger, one of the others]."""
    held_out: bool = False
    """This gold is a test set: labels are scored against it, but no rule is judged or mended by it."""


@dataclass
class LimitsConfig:
    """What one rule may use up on one batch of rows."""

    seconds: Optional[float] = 300.0
    """Time; null = no limit."""
    megabytes: Optional[int] = 4096
    """Memory that it takes on top of what is held (on Linux); null = no limit."""


@dataclass
class TaskConfig:
    """What is labeled, by which rules, and against what it is checked."""

    name: str = "???"
    rules: str = "???"
    """Folder with schema.yaml and the rules; relative to the project."""
    guideline: Optional[str] = None
    """What people label by: a Markdown file; relative to the project."""
    corpus: CorpusConfig = field(default_factory=CorpusConfig)
    gold: GoldConfig = field(default_factory=GoldConfig)
    slices: dict[str, Any] = field(default_factory=dict)
    """Name -> SQL condition, or {rule: id}: the rows on which a rule votes; every metric is given for each slice too.
    Rules of the state `slice` are slices by themselves."""
    threshold: Optional[float] = None
    """Rows whose best probability is lower get the status below_threshold and no label."""
    on_error: str = "raise"
    """A rule that raises on a row: `raise` stops the run, `abstain` counts it."""
    date: Optional[str] = None
    """The column with each row's day, for rules with valid_from or valid_until; none = all rows are of `today`."""
    today: Optional[str] = None
    """The day of the run, 2026-03-31; none = this day."""
    limits: LimitsConfig = field(default_factory=LimitsConfig)


@dataclass
class SeasonConfig:
    """How many batches are judged by hidden checks, and how many of them may be failed wrongly."""

    people: Optional[int] = None
    """People who are expected; none = those in `gold.people`."""
    batches: int = 20
    """Batches that each is expected to do."""
    false_alarms: float = 1.0
    """Batches that may be failed wrongly, on average over seasons, all people and batches together."""


@dataclass
class GoldRoomConfig:
    """How people label: who they are, how batches are made, and what is asked of them."""

    ledger: Optional[str] = None
    """A SQLite file, relative to the project, or a postgresql:// URL; none = .weaklabel/gold/ledger.db."""
    people: dict[str, float] = field(default_factory=dict)
    """Annotators and their share of the work: {ann: 1, bob: 0.5}."""
    per_item: int = 3
    """People asked about each item; odd."""
    most: int = 7
    """People that a hard item is asked of at most."""
    sure: float = 0.8
    """From this posterior or share of votes on an item is settled."""
    checks: Optional[int] = None
    """Hidden checks for each person and batch; none = as many as catch falls."""
    most_checks: float = 0.2
    """Largest share of a person's list that may be checks."""
    blind: float = 0.3
    """Share of the items with a suggestion that are shown without it."""
    review: float = 0.05
    """Share of the items on which people agree that a reviewer sees."""
    floor: Optional[float] = None
    """Share of right answers to hidden checks that nobody should be below."""
    kappa_floor: Optional[float] = None
    """Kappa with gold that nobody should be below."""
    training_answers: int = 30
    """Answers that a verdict on a training round needs."""
    training_kappa: float = 0.7
    """Kappa with gold that is needed to pass."""
    season: SeasonConfig = field(default_factory=SeasonConfig)
    consensus: str = "dawid_skene"
    """dawid_skene or majority_vote."""
    fields: list[str] = field(default_factory=list)
    """Columns of the corpus that may leave with the text; all others stay."""
    redact: Optional[list[str]] = None
    """Kinds of personal data that are replaced before anything leaves: email, phone, card, iban, ip; none = all."""
    patterns: dict[str, str] = field(default_factory=dict)
    """Further patterns that are replaced: name -> regular expression."""
    sync: Optional[str] = None
    """Where `gold sync` sends batches: a Label Studio server's address, or a folder."""
    accounts: dict[str, str] = field(default_factory=dict)
    """Accounts in the tool and the annotator each is, where they differ: {ann@example.org: ann}."""
    review_after_days: int = 365
    """Gold is looked at again after so many days."""
    retention_days: Optional[int] = None
    """Answers older than this are erased whenever something is written, and by `weaklabel erase --old`; none = kept."""
    hourly: Optional[float] = None
    """What an hour of anybody's labeling costs, for the report; none = not known."""
    rates: dict[str, float] = field(default_factory=dict)
    """What an hour of some people costs, where it is not `hourly`: {eve: 60}."""
    currency: str = ""
    """How money is shown: EUR."""
    rule_minutes: Optional[float] = None
    """Minutes that people have spent on rules so far, for the report; none = not known."""


@dataclass
class AuditConfig:
    """What the labels are for, and how wrong they may be: audits draw, certify and judge by it."""

    owner: str = ""
    """Who answers for the labels."""
    purpose: str = ""
    """What they are used for."""
    error: Optional[float] = None
    """Share of wrong labels that is tolerated in what is used; none = not said."""
    confidence: float = 0.95
    """Of intervals and certificates."""
    classes: dict[str, float] = field(default_factory=dict)
    """The error tolerated among rows with a label, where it needs more care: {refund: 0.01}."""
    slices: dict[str, float] = field(default_factory=dict)
    """The error tolerated in a slice of the task: {large_orders: 0.02}."""
    check_days: int = 7
    """Days from one check of new labels to the next; see `weaklabel audit due`."""
    check_share: float = 0.01
    """Share of new labels that a check takes."""
    check_least: int = 20
    """Fewest labels of a check, or all if there are fewer; 20 or more."""


@dataclass
class RelabelConfig:
    """How a corpus is relabeled in bulk."""

    model: Optional[str] = None
    """`champion`, the model of the labels that stand, or a folder with a saved one; none = fitted when need be."""
    table: Optional[str] = None
    """Folder or URL of the label table; none = .weaklabel/labels/<task>."""
    memory: int = 1024
    """Megabytes that distinct votes may take while a model is fitted; with more a sample of the rows is fitted."""
    cache: float = 20.0
    """Gigabytes of votes that are kept for later; the least recently used go first."""
    unseen: float = 0.2
    """A shard is named when a larger share of its rows than this, beyond the usual, has votes that the fit has not seen."""


@dataclass
class TrackingConfig:
    """Where runs are logged."""

    name: str = "mlflow"
    """`mlflow` or `none`."""
    uri: Optional[str] = None
    """An MLflow tracking URI; none = SQLite in the project's .weaklabel folder."""
    experiment: Optional[str] = None
    """MLflow experiment; none = the task's name."""
    run_name: Optional[str] = None
    tags: dict[str, str] = field(default_factory=dict)


@dataclass
class ExportConfig:
    """Formats written beside labels.parquet."""

    formats: list[str] = field(default_factory=list)
    """jsonl and csv; where a row may have several labels also multi_hot, huggingface, spacy, label_studio, doccano and
    prodigy, of which all but multi_hot hold the texts."""
    weights: bool = False
    """Whether labels get the columns class_weight and resampling, which make rare classes count as much as others."""


@dataclass
class EvaluationConfig:
    """How labels are scored against gold."""

    confidence: float = 0.95
    classifier: bool = True
    """Also score a cross-validated plain classifier on the votes."""
    folds: int = 5


@dataclass
class Config:
    """Everything a run needs.

    Examples
    --------
    >>> Config().evaluation.confidence
    0.95
    """

    task: TaskConfig = field(default_factory=TaskConfig)
    label_model: Any = "???"
    calibrator: Optional[str] = None
    """temperature or isotonic: learns from the rows of `task.gold.calibrate`, which then don't fit the label model."""
    engine: Any = "???"
    tracking: TrackingConfig = field(default_factory=TrackingConfig)
    export: ExportConfig = field(default_factory=ExportConfig)
    evaluation: EvaluationConfig = field(default_factory=EvaluationConfig)
    gold: GoldRoomConfig = field(default_factory=GoldRoomConfig)
    audit: AuditConfig = field(default_factory=AuditConfig)
    relabel: RelabelConfig = field(default_factory=RelabelConfig)
    storage: dict[str, str] = field(default_factory=dict)
    """Where an object store is and how it is spoken to: {aws_endpoint_url: http://127.0.0.1:9000}; never credentials."""
    plots: bool = True
    seed: int = 0


def _bad_days_and_limits(task: TaskConfig) -> list[WeakLabelError]:
    problems: list[WeakLabelError] = []
    for name in ("seconds", "megabytes"):
        value = getattr(task.limits, name)
        if value is not None and not value > 0:
            what = f"task.limits.{name} is {value}; more than 0 is wanted"
            problems.append(ConfigError(what, hint=f"task.limits.{name}=null: no limit"))
    try:
        date.fromisoformat(task.today or "2000-01-01")
    except ValueError:
        what = f"task.today is {task.today!r}, which is no day"
        problems.append(ConfigError(what, hint="task.today=2026-03-31"))
    return problems


def problems_of(config: Config, without: Iterable[str] = ()) -> list[WeakLabelError]:
    """Return what is wrong with the values of a configuration; keys of `without` may be empty.

    Examples
    --------
    >>> config = Config()
    >>> config.task.corpus.path, config.evaluation.folds = "mail.csv", 1
    >>> [problem.what for problem in problems_of(config)]
    ['evaluation.folds is 1; at least 2 are needed']
    """
    problems: list[WeakLabelError] = []

    def among(key: str, value: str, known: Sequence[str]) -> None:
        if value not in known:
            problems.append(
                ConfigError(f"{key}: no choice {value!r}", available=known, hint=did_you_mean(value, known))
            )

    def between(key: str, value: float, low: float, high: float) -> None:
        if not low < value < high:
            problems.append(ConfigError(f"{key} is {value}; it lies between {low:g} and {high:g}"))

    among("task.on_error", config.task.on_error, ON_ERROR)
    among("task.gold.unknown", config.task.gold.unknown, UNKNOWN_GOLD)
    problems += _bad_days_and_limits(config.task)
    among("tracking.name", config.tracking.name, TRACKERS)
    for name in config.export.formats:
        among("export.formats", name, FORMATS)
    between("evaluation.confidence", config.evaluation.confidence, 0, 1)
    if config.evaluation.folds < 2:
        problems.append(ConfigError(f"evaluation.folds is {config.evaluation.folds}; at least 2 are needed"))
    if config.task.threshold is not None:
        between("task.threshold", config.task.threshold, 0, 1)
    if config.task.gold.path and config.task.gold.column:
        problems.append(
            ConfigError(
                "task.gold names both a table (path) and a column of the corpus (column)",
                hint="keep one of them",
            )
        )
    if config.calibrator is not None:
        among("calibrator", config.calibrator, tuple(CALIBRATORS))
        if config.task.gold.calibrate is None:
            what = (
                f"calibrator={config.calibrator} needs gold rows of its own: task.gold.calibrate names none"
            )
            problems.append(ConfigError(what, hint="task.gold.calibrate=0.5 gives it half of the gold rows"))
    share = _without_ledger(config.task.gold.calibrate)
    if isinstance(share, (int, float)) and not isinstance(share, bool):
        between("task.gold.calibrate", share, 0, 1)
    elif share is not None and not isinstance(share, str):
        what = f"task.gold.calibrate is a SQL condition or a share of the gold rows, or ledger, not {share!r}"
        problems.append(ConfigError(what, hint=f"calibrate: 0.5; calibrate: {LEDGER}; [{LEDGER}, 0.5]"))
    path = config.task.corpus.path
    if not isinstance(path, str) and not (isinstance(path, list) and all(isinstance(p, str) for p in path)):
        problems.append(ConfigError(f"task.corpus.path is a path or a list of paths, not {path!r}"))
    elif not path and "task.corpus.path" not in without:
        problems.append(ConfigError("task.corpus.path is empty", hint="name a file, a folder or a glob"))
    _check_characters(config, problems)
    problems += _bad_gold_room(config.gold)
    problems += _bad_slices(config.task.slices)
    problems += _bad_audit(config.audit, config.task.slices)
    problems += _bad_relabeling(config)
    return problems


def _bad_slices(slices: Mapping[str, Any]) -> list[WeakLabelError]:
    """Return what is no slice."""
    return [
        ConfigError(
            f"task.slices.{name} is a SQL condition, or the name of a rule, not {how!r}",
            hint='short: "length(text) < 40", or short: {rule: short_text}',
        )
        for name, how in slices.items()
        if not isinstance(how, str) and not (isinstance(how, Mapping) and set(how) == {"rule"})
    ]


def _bad_audit(audit: AuditConfig, slices: Iterable[str]) -> list[WeakLabelError]:
    """Return what is wrong with the errors that are tolerated."""
    shares = {"error": audit.error} | {f"classes.{name}": e for name, e in audit.classes.items()}
    shares |= {f"slices.{name}": e for name, e in audit.slices.items()}
    found: list[WeakLabelError] = [
        ConfigError(f"audit.{key} is {value:g}; it lies between 0 and 1", hint="5 % is 0.05")
        for key, value in shares.items()
        if value is not None and not 0 < value < 1
    ]
    if not 0.5 <= audit.confidence < 1:
        found.append(ConfigError(f"audit.confidence is {audit.confidence:g}; it lies between 0.5 and 1"))
    if not 0 < audit.check_share <= 1:
        found.append(ConfigError(f"audit.check_share is {audit.check_share:g}; it is above 0 and at most 1"))
    for key, value, least in (("check_days", audit.check_days, 1), ("check_least", audit.check_least, 20)):
        if value < least:
            found.append(ConfigError(f"audit.{key} is {value}; {least} or more is wanted"))
    known = list(slices)
    found += [
        ConfigError(
            f"audit.slices: there is no slice {name!r}", available=known, hint=did_you_mean(name, known)
        )
        for name in audit.slices
        if name not in known
    ]
    return found


def _bad_relabeling(config: Config) -> list[WeakLabelError]:
    """Return what is wrong with the settings of bulk relabeling, and with an object store's options."""
    relabel = config.relabel
    found: list[WeakLabelError] = [
        ConfigError(f"relabel.{name} is {value:g}; more than 0 is wanted")
        for name, value in (("memory", relabel.memory), ("cache", relabel.cache))
        if not value > 0
    ]
    if not 0 < relabel.unseen <= 1:
        found.append(ConfigError(f"relabel.unseen is {relabel.unseen:g}; above 0 and at most 1 is wanted"))
    found += [
        ConfigError(
            f"storage.{name} is a credential, and settings are written beside every run",
            hint=f"leave it out and set the environment variable {name.upper()}",
        )
        for name in credentials_in(config.storage)
    ]
    corpus = config.task.corpus.path
    addresses: dict[str, list[Any]] = {f"storage.{name}": [text] for name, text in config.storage.items()}
    addresses |= {"task.corpus.path": corpus if isinstance(corpus, list) else [corpus]}
    found += [
        ConfigError(
            f"{key} is an address that holds a credential, and settings are written beside every run",
            hint="leave it out; credentials come from the environment alone",
        )
        for key, texts in (addresses | {"relabel.table": [relabel.table]}).items()
        if any(holds_credentials(text) for text in texts)
    ]
    return found


def _bad_gold_room(gold: GoldRoomConfig) -> list[WeakLabelError]:
    """Return what is wrong with numbers of the gold room that are read after the work is done."""
    numbers: dict[str, float | None] = {f"rates.{name}": rate for name, rate in gold.rates.items()}
    numbers |= {"hourly": gold.hourly, "rule_minutes": gold.rule_minutes}
    numbers |= {"retention_days": gold.retention_days, "review_after_days": gold.review_after_days}
    return [
        ConfigError(f"gold.{key} is {value:g}; 0 or more is wanted")
        for key, value in numbers.items()
        if value is not None and not 0 <= value < math.inf
    ]


def _without_ledger(calibrate: Any) -> Any:
    """Return what `task.gold.calibrate` says of the gold table, where it names the ledger beside it."""
    if calibrate == LEDGER or calibrate == [LEDGER]:
        return None
    if isinstance(calibrate, list) and len(calibrate) == 2 and calibrate[0] == LEDGER != calibrate[1]:
        return calibrate[1] if isinstance(calibrate[1], (str, int, float)) else calibrate
    return calibrate


def _check_characters(config: Config, problems: list[WeakLabelError]) -> None:
    """Add what is wrong with separators and quote: each is one character."""
    corpus, gold = config.task.corpus, config.task.gold
    given = {
        "task.corpus.separator": (corpus.separator, "separator"),
        "task.corpus.quote": (corpus.quote or None, "quote"),
        "task.gold.separator": (gold.separator, "separator"),
    }
    for key, (value, what) in given.items():
        try:
            _ = value is None or one_character(value, what)
        except WeakLabelError as error:
            problems.append(ConfigError(f"{key}: {error.what}", available=error.available))
