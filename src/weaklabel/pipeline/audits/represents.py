"""`audit represents`: whether accepted labels stand for the corpus, or for what comes in from production."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from weaklabel.audit.selection import Representation, represents, weighted_accuracy
from weaklabel.corpus import Corpus
from weaklabel.errors import GoldError, did_you_mean
from weaklabel.gold.files import read_table
from weaklabel.pipeline.audits.drift_files import RunFiles, corpus_of, open_run
from weaklabel.pipeline.audits.drift_parts import windows
from weaklabel.pipeline.audits.drift_rules import gold_of_rules
from weaklabel.pipeline.audits.files import ACCEPTED, CERTIFICATE, PLAN, audits_folder
from weaklabel.pipeline.slicing import Sliced, slice_names, table_slices, task_slices
from weaklabel.pipeline.task import open_registry
from weaklabel.settings import Config
from weaklabel.slices import slice_members
from weaklabel.stats import Estimate

LABEL = "label"
"""Column of labels: the run's, unless the corpus has one of that name."""


@dataclass(frozen=True, eq=False)
class Represents:
    """Whether accepted labels stand for the rows that they are used for; made by `represents_of`.

    Parameters
    ----------
    run
        The run whose labels they are.
    accepted, of
        Which rows are accepted, and what they are to stand for, in words.
    found
        Gaps and weights.
    accuracy
        Share of right labels that accepted rows would have with the mix of what they stand for; None: no gold says.
    notes
        What to know.

    Examples
    --------
    >>> Represents.__name__
    'Represents'
    """

    run: str
    accepted: str
    of: str
    found: Representation
    accuracy: Estimate | None = None
    notes: tuple[str, ...] = ()

    def sentences(self) -> list[str]:
        """Return what is to be said, gaps first."""
        told = self.found.sentences()
        if self.accuracy is not None and self.accuracy.value is not None:
            a = self.accuracy
            ends = (
                ""
                if a.low is None or a.high is None
                else f", between {100 * a.low:.1f} and {100 * a.high:.1f} %"
            )
            told.append(
                f"with the mix of {self.of}, {100 * (a.value or 0):.1f} % of accepted labels would be right{ends}, "
                f"against adjudicated gold ({a.n} labels)"
            )
        return told

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for JSON, without the weights."""
        return {
            "run": self.run,
            "accepted": self.accepted,
            "of": self.of,
            **self.found.to_dict(),
            "sentences": self.sentences(),
            "accuracy": None if self.accuracy is None else self.accuracy.to_dict(),
            "notes": list(self.notes),
        }


def represents_of(
    config: Config,
    project: Path,
    *,
    by: Sequence[str] = (),
    run: str | None = None,
    audit: str | None = None,
    incoming: Path | None = None,
    every: str = "month",
    level: float = 0.05,
) -> Represents:
    """Compare a run's accepted rows with its corpus, or with a file of what comes in.

    Parameters
    ----------
    config, project
        Of the project.
    by
        Columns to compare by, `label` among them; the task's slices are always compared.
    run
        The run; None: the last one, or that of the audit.
    audit
        An audit whose certificate says which rows are accepted; None: every labeled row is.
    incoming
        A table with the same columns, which accepted rows are to stand for; None: all rows of the run.
    every
        Window that times are put into.
    level
        Chance of any gap when there is none.

    Raises
    ------
    GoldError
        There is nothing to compare by, or no such run, certificate or column.
    """
    slices = slice_names(config, open_registry(config, project))
    if not by and not slices:
        raise GoldError(
            "by what are rows compared? the task has no slices", hint="name columns: --by channel --by label"
        )
    folder, told_run = (None, run) if audit is None else _certified(project, audit, run)
    files = open_run(project, config.task.name, told_run or "last")
    labels = pl.read_parquet(files.folder / "labels.parquet", columns=["id", LABEL])
    corpus = corpus_of(files, config, project)
    rows = _rows(files, corpus, labels, by, task_slices(config, project, corpus))
    said = labels.filter(pl.col(LABEL).is_not_null())["id"]
    if folder is not None:
        table = pl.read_parquet(folder / ACCEPTED)
        said = table.filter("accepted")["id"].unique()
    target, names = rows, [*by, *map(_slice, slices)]
    if incoming is not None:
        target = _incoming(incoming, by, config, project)
    times = [name for name in by if windows(rows[name], every)[1] and not rows[name].dtype.is_numeric()]
    rows, target = (_windowed(frame, times, every) for frame in (rows, target))
    accepted = rows.filter(pl.col("id").is_in(said.implode()))
    checked, notes = _checked(files, config, project, labels, accepted["id"])
    found = represents(accepted, target, names, checked=checked, level=level)
    accuracy = None if checked is None else weighted_accuracy(checked, found.weights)
    what = f"accepted by the certificate of audit {audit}" if audit else "labeled"
    of = (
        f"all {rows.height:,} rows of the corpus"
        if incoming is None
        else f"the {target.height:,} rows of {incoming}"
    )
    return Represents(files.name, f"{accepted.height:,} rows, {what}", of, found, accuracy, tuple(notes))


def _certified(project: Path, audit: str, run: str | None) -> tuple[Path, str]:
    """Return the folder of a certificate and the run that it is of."""
    folder = audits_folder(project) / audit
    if not (folder / CERTIFICATE).is_file():
        known = sorted(path.parent.name for path in audits_folder(project).glob(f"*/{CERTIFICATE}"))
        raise GoldError(
            f"audit {audit!r} has no certificate", available=known, hint=f"weaklabel audit certify {audit}"
        )
    source = json.loads((folder / PLAN).read_text(encoding="utf-8"))["source"]
    if "run" not in source:
        what = "a version of the label table" if "version" in source else "labels of a file"
        raise GoldError(f"the certificate of audit {audit!r} is of {what}, not of a run")
    if run not in (None, "last", source["run"]):
        raise GoldError(f"the certificate of audit {audit!r} is of run {source['run']}, not {run}")
    return folder, str(source["run"])


def _rows(
    files: RunFiles, corpus: Corpus, labels: pl.DataFrame, by: Sequence[str], parts: Sliced
) -> pl.DataFrame:
    """Return the run's rows with the columns to compare by and a column for each slice."""
    own = [name for name in by if name in corpus.columns]
    strange = [name for name in by if name not in corpus.columns and name != LABEL]
    if strange:
        known = [*corpus.columns, LABEL]
        raise GoldError(
            f"the corpus has no column {strange[0]!r}", available=known, hint=did_you_mean(strange[0], known)
        )
    rows = corpus.scan().select(list(dict.fromkeys(["id", *own]))).collect()
    if LABEL in by and LABEL not in own:
        rows = rows.join(labels, on="id", how="left", maintain_order="left")
    rows = rows.filter(pl.col("id").is_in(labels["id"].implode()))
    inside = slice_members(parts.frame, parts.slices, rows["id"], of=f"run {files.name}")
    return rows.with_columns(_member(name, values) for name, values in inside.items())


def _incoming(path: Path, by: Sequence[str], config: Config, project: Path) -> pl.DataFrame:
    """Return rows of what comes in, with ids of their own where the file has none."""
    table = read_table(path, list(by), texts=["id"])
    missing = [name for name in by if name not in table.columns]
    if missing:
        raise GoldError(
            f"there is no column {missing[0]!r}",
            where=str(path),
            available=table.columns,
            hint=did_you_mean(missing[0], table.columns),
        )
    if "id" not in table.columns:
        numbers = pl.format("incoming:{}", pl.int_range(1, pl.len() + 1))
        table = table.with_columns(id=numbers)
    table = table.with_columns(pl.col("id").cast(pl.String))
    if not table.height or table["id"].n_unique() < table.height or table["id"].null_count():
        raise GoldError(
            "there is no row" if not table.height else "an id is missing or stands more than once",
            where=str(path),
            hint="leave the column id out where rows have none",
        )
    parts = table_slices(config, project, table)
    inside = slice_members(parts.frame, parts.slices, table["id"], of=str(path))
    return table.select("id", *by, *(_member(name, values) for name, values in inside.items()))


def _member(name: str, values: Any) -> pl.Series:
    return pl.Series(_slice(name), ["yes" if value else "no" for value in values], dtype=pl.String)


def _slice(name: str) -> str:
    return f"slice {name}"


def _windowed(frame: pl.DataFrame, times: Sequence[str], every: str) -> pl.DataFrame:
    return frame.with_columns(windows(frame[name], every)[0].alias(name) for name in times)


def _checked(
    files: RunFiles, config: Config, project: Path, labels: pl.DataFrame, accepted: pl.Series
) -> tuple[pl.DataFrame | None, list[str]]:
    """Return accepted rows that people checked, with their chance of having been drawn; None: there are none."""
    gold, notes = gold_of_rules(files, config, project, labels["id"])
    joined = gold.filter(pl.col("id").is_in(accepted.implode())).join(
        labels.rename({LABEL: "given"}), on="id", how="left"
    )
    if not joined.height:
        return None, [*notes, "no accepted row is gold: errors are not compared"]
    right = pl.col("given").eq_missing(pl.col(LABEL)).alias("right")  # each batch is a sample of its own
    return joined.sort("batch", "id").select("id", right, "inclusion"), notes
