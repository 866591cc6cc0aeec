"""The gold of a run: what scores its labels, and what its label model learns from."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from weaklabel.config_errors import as_settings
from weaklabel.errors import GoldError, did_you_mean
from weaklabel.fingerprint import fingerprint
from weaklabel.gold import Gold, load_gold
from weaklabel.label_matrix import Sets, VotePatterns
from weaklabel.pipeline.labels import fit, new_model
from weaklabel.pipeline.task import Task
from weaklabel.schema import LabelSchema
from weaklabel.settings import LEDGER, Config

BY_GOLD_ALONE = ("snorkel", "triplet")
"""Label models that take the class balance from gold, and nothing else: gold must be a sample of the rows for them."""


@dataclass(frozen=True)
class Calibration:
    """Gold that a label model or a calibrator learns from; made by `open_gold_parts`.

    Parameters
    ----------
    gold
        Ids and labels.
    source
        Where they come from, for messages.
    version
        Version and fingerprint of the gold set in the ledger; None: no row is from there.
    inclusion
        Id -> probability with which it was drawn, where the ledger knows it.
    unknown
        Ids from the ledger that were not drawn, such as those that an expert settled.

    Examples
    --------
    >>> table = pl.DataFrame({"id": ["a", "b"], "label": ["ham", "spam"]})
    >>> known = Calibration(load_gold(table, schema=LabelSchema(["ham", "spam"])), "gold.csv", unknown=frozenset("b"))
    >>> known.drawn.gold.frame["id"].to_list(), known.chances(["c", "b", "a"])
    (['a'], None)
    """

    gold: Gold
    source: str
    version: str | None = None
    inclusion: Mapping[str, float] = field(default_factory=dict)
    unknown: frozenset[str] = frozenset()

    @property
    def fingerprint(self) -> str:
        """Hash of ids, labels, and how the rows were drawn."""
        if not self.inclusion and not self.unknown:
            return self.gold.fingerprint
        return fingerprint([self.gold.fingerprint, sorted(self.inclusion.items()), sorted(self.unknown)])

    @property
    def drawn(self) -> Calibration:
        """The part that is a sample of the rows: that of unknown inclusion is left out."""
        kept = self.gold.frame.filter(~pl.col("id").is_in(sorted(self.unknown)))
        return replace(self, gold=replace(self.gold, frame=kept), unknown=frozenset())

    def chances(self, ids: list[str]) -> npt.NDArray[np.float64] | None:
        """Return the probability of inclusion of each id, (n,), or None where all gold rows weigh the same.

        A row of unknown inclusion weighs as the drawn rows do on average.
        """
        drawn = sorted(self.inclusion[id] for id in self.gold.frame["id"] if id in self.inclusion)
        if len(set(drawn)) < 2:
            return None
        usual = len(drawn) / math.fsum(1 / chance for chance in drawn)
        return np.array([self.inclusion.get(id, usual) for id in ids], np.float64)


def open_gold(task: Task) -> Gold | None:
    """Load the gold that scores a task's labels, from its table or from a column of the corpus; None: it has none.

    Rows of `task.gold.calibrate` are not among them.

    Examples
    --------
    >>> import tempfile
    >>> from weaklabel.config import load
    >>> from weaklabel.pipeline.task import open_task
    >>> from weaklabel.templates import write_project
    >>> project = write_project(Path(tempfile.mkdtemp()) / "desk")
    >>> open_gold(open_task(load(project), project)).frame.columns
    ['id', 'label']
    """
    return open_gold_parts(task)[0]


def open_calibration(task: Task) -> Gold | None:
    """Load the gold that a task's label model is fitted with; None: `task.gold.calibrate` names none.

    Examples
    --------
    >>> import tempfile
    >>> from weaklabel.config import load
    >>> from weaklabel.pipeline.task import open_task
    >>> from weaklabel.templates import write_project
    >>> project = write_project(Path(tempfile.mkdtemp()) / "desk")
    >>> open_calibration(open_task(load(project), project)) is None
    True
    >>> task = open_task(load(project, ["task.gold.calibrate=0.5"]), project)
    >>> fitting, scoring = open_calibration(task).frame, open_gold(task).frame
    >>> set(fitting["id"]) & set(scoring["id"]), fitting.height + scoring.height > 0
    (set(), True)
    """
    known = open_gold_parts(task)[1]
    return None if known is None else known.gold


def open_gold_parts(task: Task) -> tuple[Gold | None, Calibration | None]:
    """Load the gold that scores a task's labels, and the gold that its label model learns from; no row is in both.

    Raises
    ------
    GoldError
        A table, a column or the ledger can't be read, or the ledger and the table give a row two labels.

    Examples
    --------
    >>> import tempfile
    >>> from weaklabel.config import load
    >>> from weaklabel.pipeline.task import open_task
    >>> from weaklabel.templates import write_project
    >>> project = write_project(Path(tempfile.mkdtemp()) / "desk")
    >>> scoring, fitting = open_gold_parts(open_task(load(project), project))
    >>> scoring.frame.height, fitting
    (30, None)
    """
    part, ledger = calibration_parts(task.config.task.gold.calibrate)
    scoring, fitting = _parted(task, part)
    own = None if fitting is None else Calibration(fitting, gold_source(task.config))
    if not ledger:
        return scoring, own
    kept = _of_ledger(task)
    ids = kept.gold.frame["id"]
    if scoring is not None:
        scoring = replace(scoring, frame=scoring.frame.filter(~pl.col("id").is_in(ids.implode())))
    return scoring, (kept if own is None else _both(kept, own))


def fit_known(
    config: Config,
    patterns: VotePatterns,
    ids: pl.Series,
    *,
    n_classes: int,
    known: Calibration | None,
    outcomes: Sets | None = None,
) -> Any:
    """Make and fit the configured label model with what gold there is for it.

    Gold that was drawn weighs by its probability of inclusion where the model can weigh rows. Gold of unknown
    inclusion weighs as the drawn rows do on average, but says nothing of how frequent the classes are: neither a
    calibrator nor a model that reads nothing but the class balance from gold (`BY_GOLD_ALONE`) gets it, and the class
    balance of a model that gold corrects is that of a fit without it.

    Parameters
    ----------
    config
        With the label model and calibrator.
    patterns
        Votes, with `inverse`.
    ids
        Of the rows, in the order of the votes.
    n_classes
        Number of classes.
    known
        The gold; None: none.
    outcomes
        The sets of classes that rules may vote for.

    Examples
    --------
    >>> from weaklabel.label_matrix import LabelMatrix
    >>> votes = LabelMatrix.from_numpy([[0, 0, 1], [1, 1, -1]], ids=["a", "b"])
    >>> config = Config(label_model={"name": "majority_vote"})
    >>> fit_known(config, votes.patterns(), votes.ids, n_classes=2, known=None).predict(votes).tolist()
    [0, 1]
    """
    if known is None:
        return fit(config, patterns, n_classes=n_classes, outcomes=outcomes)
    whole, known = known, used_gold(config, known)
    codes = known.gold.codes(ids)
    if config.calibrator is not None:
        if whole.unknown and not (codes >= 0).any():
            raise GoldError(
                f"a calibrator learns from gold that was drawn, and none of these {whole.gold.frame.height} rows was",
                where=whole.source,
                hint="origin random, with the probability of inclusion; or leave calibrator out",
            )
        return fit(config, patterns, n_classes=n_classes, outcomes=outcomes, gold=codes)
    corrects = new_model(config, n_classes).CORRECTS
    chances = known.chances(ids.to_list()) if corrects else None
    model = fit(config, patterns, n_classes=n_classes, outcomes=outcomes, gold=codes, inclusion=chances)
    if known.unknown and corrects:
        part = known.drawn
        again = fit(
            config,
            patterns,
            n_classes=n_classes,
            outcomes=outcomes,
            gold=part.gold.codes(ids),
            inclusion=part.chances(ids.to_list()),
        )
        model.class_balance_ = again.class_balance_
    return model


def used_gold(config: Config, known: Calibration) -> Calibration:
    """Return the part of gold that the configured label model or calibrator learns from.

    Examples
    --------
    >>> table = pl.DataFrame({"id": ["a", "b"], "label": ["ham", "spam"]})
    >>> known = Calibration(load_gold(table, schema=LabelSchema(["ham", "spam"])), "gold.csv", unknown=frozenset("b"))
    >>> used_gold(Config(label_model={"name": "triplet"}), known).gold.frame["id"].to_list()
    ['a']
    """
    sample = config.calibrator is not None or config.label_model["name"] in BY_GOLD_ALONE
    return known.drawn if sample else known


def ledger_place(config: Config, project: Path) -> str | Path:
    """Return where a project keeps its ledger.

    Examples
    --------
    >>> ledger_place(Config(), Path("/desk")).as_posix()
    '/desk/.weaklabel/gold/ledger.db'
    """
    place = config.gold.ledger
    if place is None:
        return project / ".weaklabel" / "gold" / "ledger.db"
    return place if "://" in place else project / place


def gold_source(config: Config) -> str:
    """Return where a task's gold table is, for messages.

    Examples
    --------
    >>> config = Config()
    >>> config.task.gold.column = "truth"
    >>> gold_source(config)
    "column 'truth' of the corpus"
    """
    gold = config.task.gold
    return gold.path or f"column {gold.column!r} of the corpus"


def calibration_parts(calibrate: Any) -> tuple[str | float | None, bool]:
    """Return the condition or share of `task.gold.calibrate`, and whether it names the ledger."""
    words = calibrate if isinstance(calibrate, list) else [calibrate]
    others = [word for word in words if word != LEDGER]
    return (others[0] if others else None), LEDGER in words


def _parted(task: Task, part: str | float | None) -> tuple[Gold | None, Gold | None]:
    """Return the rows of the gold table, or column, that score and those that fit."""
    if isinstance(part, str):
        return _load_gold(task, f"COALESCE({part}, FALSE) = FALSE"), _load_gold(task, part)
    gold = _load_gold(task)
    if gold is None or part is None:
        return gold, None
    fitting, scoring = gold.parted(part)
    return scoring, fitting


def _of_ledger(task: Task) -> Calibration:
    """Return the gold of role calibrate in the gold room; no other role reaches a run."""
    from weaklabel.gold.gold_set.standard import gold_set
    from weaklabel.gold.ledger.ledger import Ledger

    name, place = task.config.task.name, ledger_place(task.config, task.project)
    source = "the gold room's items of role calibrate"
    if isinstance(place, Path) and not place.is_file():
        note = (
            "there is no ledger yet, so no gold of role calibrate: weaklabel gold add FILE --role calibrate"
        )
        return Calibration(_no_gold(task.schema, note), source)
    ledger = Ledger.open(place)
    found = gold_set(
        ledger.records("gold", task=name),
        schema=task.schema,
        versions=ledger.records("version", task=name),
        unknown="keep",
    )
    gold = found.gold("calibrate")
    if not gold.frame.height:
        note = "the gold set has no item of role calibrate: weaklabel gold add FILE --role calibrate"
        gold = replace(gold, notes=(*gold.notes, note))
    mine = found.items.filter(pl.col("item").is_in(gold.frame["id"].implode()))
    chance = mine.filter(pl.col("inclusion").is_not_null() & (pl.col("origin") == "random"))
    inclusion = dict(chance.select("item", "inclusion").iter_rows())
    unknown = frozenset(set(mine["item"]) - set(inclusion))
    number = int(found.versions["version"].max() or 0) if found.versions.height else 0  # type: ignore[arg-type]
    return Calibration(gold, source, f"{number}-{found.fingerprint}", inclusion, unknown)


def _no_gold(schema: LabelSchema, note: str) -> Gold:
    return Gold(pl.DataFrame(schema={"id": pl.String, "label": pl.String}), schema, (note,))


def _both(kept: Calibration, own: Calibration) -> Calibration:
    """Return the gold of the ledger and of the table together; a row with two labels is an error."""
    both = kept.gold.frame.join(own.gold.frame, on="id", suffix="_table")
    clash = both.filter(pl.col("label") != pl.col("label_table"))
    if clash.height:
        id, one, other = clash.row(0)
        raise GoldError(
            f"{clash.height} gold {'row has' if clash.height == 1 else 'rows have'} two labels: {id!r} is {one!r} in the "
            f"gold room and {other!r} in the table",
            where=own.source,
            hint="let the experts agree first",
        )
    rows = own.gold.frame.join(kept.gold.frame, on="id", how="anti")
    frame = pl.concat([kept.gold.frame, rows]).sort("id")
    gold = replace(kept.gold, frame=frame, notes=(*kept.gold.notes, *own.gold.notes))
    return replace(kept, gold=gold, source=f"{kept.source} and {own.source}")


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
        "label": gold.label or "label",
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
