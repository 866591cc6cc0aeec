"""The rows that an audit judges: the labels of a run, or those of any system from a file, with what is known of them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl
import yaml

from weaklabel.audit.population import check_population
from weaklabel.audit.ranking import ON, with_votes
from weaklabel.audit.windows import NO_WINDOW
from weaklabel.errors import CorpusError, GoldError, did_you_mean, some
from weaklabel.fingerprint import file_digest
from weaklabel.gold.auditing import known_otherwise
from weaklabel.gold.files import read_table
from weaklabel.pipeline.desk.room import Desk
from weaklabel.pipeline.slicing import task_slices
from weaklabel.runs import HOME
from weaklabel.schema import VOTE_PREFIX
from weaklabel.slices import slice_members

NAMED = ("corpus", "rules", "schema", "model", "calibration")
"""Fingerprints of a run that decide its labels."""
SLICE = "slice:"
"""Prefix of Boolean columns of a population that say whether a row is of a slice."""
EVERY = {"day": "%Y-%m-%d", "week": "%G-W%V", "month": "%Y-%m", "year": "%Y"}
"""Windows that times are put into; a file's `time` becomes a column of its window's name."""
WEEK = "week"
"""The window that the times of a file are put into unless another is asked for."""


@dataclass(frozen=True)
class Judged:
    """Labels that are to be judged; made by `rows_of_run` and `rows_of_file`.

    Parameters
    ----------
    rows
        A population: rows with a label only.
    source
        What gave them: `run`, or `predictions` and `digest`.
    names
        Fingerprints of what they were made from.
    unlabeled
        Rows without a label, which are left out.
    said
        What a version of the label table says of itself.

    Examples
    --------
    >>> Judged(pl.DataFrame({"id": ["a"]}), {"run": "r1"}, {}, 2).unlabeled
    2
    """

    rows: pl.DataFrame
    source: Mapping[str, str]
    names: Mapping[str, str]
    unlabeled: int
    said: Mapping[str, str] = field(default_factory=dict)


def find_run(project: Path, task: str, run: str = "last") -> Path:
    """Return the folder of a task's run.

    Parameters
    ----------
    project, task
        Where the run was made, and for which task.
    run
        Its id, or `last`.

    Raises
    ------
    GoldError
        There is no such run of the task.

    Examples
    --------
    >>> find_run(Path("desk"), "spam")
    Traceback (most recent call last):
    ...
    weaklabel.errors.GoldError: there is no run of task 'spam'
      hint: weaklabel run task=spam
    """
    folders = [
        path.parent
        for path in sorted((project / HOME / "runs").glob("[0-9]*/labels.parquet"))
        if _task_of(path.parent) == task
    ]
    if not folders:
        raise GoldError(f"there is no run of task {task!r}", hint=f"weaklabel run task={task}")
    names = [folder.name for folder in folders]
    if run != "last" and run not in names:
        raise GoldError(
            f"no run {run!r} of task {task!r}", available=names[-5:], hint=did_you_mean(run, names)
        )
    return folders[-1] if run == "last" else folders[names.index(run)]


def rows_of_run(folder: Path, *, votes: Sequence[str] | None = None) -> Judged:
    """Return the labels of a run.

    Parameters
    ----------
    folder
        The run's folder.
    votes
        Names of the labels in the schema's order: then each rule's word on the row's label stands in a column, which
        tells right labels from wrong ones. None: without.
    """
    table = pl.read_parquet(folder / "labels.parquet", columns=["id", "label", "probabilities"])
    labeled = table.filter(pl.col("label").is_not_null())
    rows = check_population(
        labeled.select(
            "id", "label", confidence=pl.col("probabilities").list.max().cast(pl.Float64).clip(0, 1).round(9)
        ),
        place=f"the rows of run {folder.name}",
    )
    if votes is not None:
        rows = with_votes(rows, _votes(folder), votes)
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    prints = manifest["fingerprints"]
    names = {name: str(prints[name]) for name in NAMED if prints.get(name)}
    return Judged(rows, {"run": folder.name}, names, table.height - labeled.height)


def rows_of_file(path: Path, project: Path, *, every: str | None = None) -> Judged:
    """Return the labels of any system from a table: `id`, `label`, and if known `score` and `time`.

    Parameters
    ----------
    path
        The table.
    project
        The project.
    every
        Window that times are put into, one of `EVERY`; None: a week.

    Raises
    ------
    GoldError
        A score is no probability, a time is none, or windows are asked for and there are no times.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "said.csv"
    >>> written = path.write_text("id,label,score,time\\na,ham,0.9,2026-05-04\\nb,,,\\n")
    >>> rows_of_file(path, path.parent).rows.rows()
    [('a', 'ham', 0.9, '2026-W19')]
    """
    table = read_table(path, ["id", "label"], texts=["id", "label"])
    known = [name for name in ("score", "confidence") if name in table.columns][:1]
    chosen = [
        pl.col("id").cast(pl.String),
        pl.col("label").cast(pl.String).replace("", None),
        *(pl.col(name).cast(pl.Float64, strict=False).alias("confidence") for name in known),
    ]
    for name in known:
        odd = table.filter(pl.col(name).is_not_null() & pl.col(name).cast(pl.Float64, strict=False).is_null())
        if odd.height:
            raise GoldError(f"{odd[name][0]!r} is no score", where=f"{path}, item {odd['id'][0]!r}")
    frame = table.select(chosen)
    if "time" in table.columns:
        frame = frame.with_columns(_windows(table, path, every or WEEK))
    elif every is not None:
        raise GoldError(
            f"there is no column time, so nothing can be said by {every}",
            where=str(path),
            available=table.columns,
        )
    rows = check_population(frame, place=str(path))
    labeled = rows.filter(pl.col("label").is_not_null())
    place = path.absolute()
    named = str(place.relative_to(project)) if place.is_relative_to(project) else str(place)
    digest = file_digest(path)
    return Judged(
        labeled,
        {"predictions": named, "digest": digest},
        {"predictions": digest},
        rows.height - labeled.height,
    )


def with_parts(judged: pl.DataFrame, desk: Desk, by: Sequence[str]) -> pl.DataFrame:
    """Return the rows with the columns to separate them by, and whether each is in each slice of the task.

    Raises
    ------
    CorpusError
        A column is not in the corpus, or rows are not.
    """
    outside = [name for name in by if name not in judged.columns]
    corpus = desk.rows(outside)
    missing = judged.join(corpus, on="id", how="anti")["id"]
    if missing.len():
        raise CorpusError(
            f"{missing.len()} of {judged.height} rows to audit are not in the corpus: {some(missing)}",
            hint="people label texts, so each row must be one of the task's corpus",
        )
    rows = judged.join(corpus, on="id", how="left", maintain_order="left") if outside else judged
    rows = rows.with_columns(pl.col(name).cast(pl.String).fill_null("none").alias(name) for name in by)
    parts = task_slices(desk.config, desk.project, desk.corpus)
    inside = slice_members(parts.frame, parts.slices, rows["id"], of="the rows to audit")
    return rows.with_columns(pl.Series(f"{SLICE}{name}", values) for name, values in inside.items())


def without_gold(rows: pl.DataFrame, desk: Desk) -> tuple[pl.DataFrame, int]:
    """Return the rows without those that are or were gold of another role than audit, and how many these are."""
    gold = known_otherwise(desk.room.gold())
    left = rows.filter(~pl.col("id").is_in(gold.implode()))
    if not left.height:
        raise GoldError(
            "all labeled rows are gold already", hint="an audit is of rows that nobody has looked at as gold"
        )
    return left, rows.height - left.height


def bare(population: pl.DataFrame) -> pl.DataFrame:
    """Return a population without the columns that rules' words stand in."""
    return population.select(~pl.selectors.starts_with(ON))


def _votes(folder: Path) -> pl.DataFrame:
    files = sorted((folder / "votes").glob("*.parquet"))
    if not files:
        raise GoldError(f"the votes of run {folder.name} are not there any more", where=str(folder / "votes"))
    frame = pl.concat([pl.read_parquet(file) for file in files])
    return frame.select("id", pl.selectors.starts_with(VOTE_PREFIX))


def _windows(table: pl.DataFrame, path: Path, every: str) -> pl.Series:
    """Return the window that each time falls into; weeks as ISO 8601 numbers them."""
    given = table["time"]
    if given.dtype == pl.String:
        days = given.str.slice(0, 10).str.to_date("%Y-%m-%d", strict=False)
        odd = table.filter(given.is_not_null() & (given != "") & days.is_null())
        if odd.height:
            raise GoldError(
                f"{odd['time'][0]!r} is no time", where=f"{path}, item {odd['id'][0]!r}", hint="2026-05-04"
            )
    else:
        days = given.cast(pl.Date)
    return days.dt.strftime(EVERY[every]).fill_null(NO_WINDOW).alias(every)


def _task_of(folder: Path) -> str | None:
    path = folder / "config.yaml"
    if not path.is_file():
        return None
    told = yaml.safe_load(path.read_text(encoding="utf-8"))
    return str(told["task"]["name"]) if isinstance(told, dict) and "task" in told else None
