"""A run's votes, labels and texts as drift looks at them: counted part by part, texts of a sample."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import yaml

from weaklabel.audit.text_model import ROWS, chooses, hashed_order
from weaklabel.audit.vote_counts import PATTERNS, PatternTable, VoteCounts
from weaklabel.corpus import Corpus
from weaklabel.errors import CorpusError, GoldError, did_you_mean
from weaklabel.pipeline.audits.files import audits_folder
from weaklabel.pipeline.audits.rows import find_run
from weaklabel.pipeline.task import open_corpus
from weaklabel.schema import VOTE_PREFIX, LabelSchema
from weaklabel.settings import Config, CorpusConfig

SAMPLE = 2 * ROWS
"""Most rows of a run whose texts are looked at."""
SHARD = "shard"
"""Column that says which part of the run's votes a row stands in."""


@dataclass(frozen=True)
class RunFiles:
    """What a run left: made by `open_run`.

    Parameters
    ----------
    folder
        The run's folder.
    labels
        Names of its labels, in the order of their codes.
    rules
        Ids of the rules whose votes counted.
    prints
        Fingerprints of what it was made from.
    corpus, days
        Where its rows came from and which day it was, as its configuration says.

    Examples
    --------
    >>> RunFiles(Path("runs/r1"), ("ham", "spam"), ("link",)).name
    'r1'
    """

    folder: Path
    labels: tuple[str, ...]
    rules: tuple[str, ...]
    prints: Mapping[str, str | None] = field(default_factory=dict)
    corpus: Mapping[str, Any] = field(default_factory=dict)
    days: Mapping[str, str | None] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The run's id."""
        return self.folder.name

    def parts(self, columns: Sequence[str] | None = None) -> Iterator[pl.DataFrame]:
        """Yield id, label and votes of each part in turn, or the `columns` asked for; one part at a time is in memory."""
        files = sorted((self.folder / "votes").glob("*.parquet"))
        if not files:
            raise GoldError(f"the votes of run {self.name} are not there any more", where=str(self.folder))
        wanted = ["id", *(f"{VOTE_PREFIX}{rule}" for rule in self.rules)] if columns is None else columns
        labels = pl.read_parquet(self.folder / "labels.parquet", columns=["id", "label"])
        for number, file in enumerate(files):
            part = pl.read_parquet(file, columns=[c for c in wanted if c not in ("label", SHARD)])
            if columns is None or "label" in columns:
                part = part.join(labels, on="id", how="left", maintain_order="left")
            yield part.with_columns(pl.lit(f"{number:05}").alias(SHARD)) if SHARD in wanted else part


@dataclass(frozen=True)
class Texts:
    """Rows of a run with their texts, all of them or a sample; made by `texts_of`.

    Parameters
    ----------
    frame
        `id`, `label`, votes, `text` and the columns that rules read; None where the texts are not at hand.
    whole
        Whether it is all rows of the run.
    note
        What to know of it; empty: nothing.

    Examples
    --------
    >>> Texts(None, False, "no texts").frame is None
    True
    """

    frame: pl.DataFrame | None
    whole: bool
    note: str = ""


def reference_place(project: Path, task: str) -> Path:
    """Return where the reference of a task lies.

    Examples
    --------
    >>> reference_place(Path("desk"), "mail").as_posix()
    'desk/.weaklabel/audits/reference-mail.json'
    """
    return audits_folder(project) / f"reference-{task}.json"


def open_run(project: Path, task: str, run: str = "last") -> RunFiles:
    """Open what a run left.

    Raises
    ------
    GoldError
        There is no such run, or its model is not there any more.

    Examples
    --------
    >>> open_run(Path("desk"), "mail")
    Traceback (most recent call last):
    ...
    weaklabel.errors.GoldError: there is no run of task 'mail'
      hint: weaklabel run task=mail
    """
    folder = find_run(project, task, run)
    meta = _json(folder / "model" / "votes.json")
    manifest = _json(folder / "manifest.json")
    told = yaml.safe_load((folder / "config.yaml").read_text(encoding="utf-8"))
    schema = LabelSchema.from_dict(meta["schema"])
    return RunFiles(
        folder,
        tuple(schema.names),
        tuple(meta["labelers"]),
        manifest.get("fingerprints", {}),
        told["task"]["corpus"],
        {name: told["task"].get(name) for name in ("date", "today")},
    )


def counted_votes(files: RunFiles, *, like: VoteCounts | None = None, patterns: int = PATTERNS) -> VoteCounts:
    """Count what the rules of a run do, part by part; as `weaklabel.audit.vote_counts.count_votes` counts a frame.

    Parameters
    ----------
    files
        The run.
    like
        Counts to compare with: the same patterns are counted.
    patterns
        How many of the most frequent patterns are kept, without `like`.

    Notes
    -----
    Rows in whose id's hash the last bit is set say which patterns are frequent, the others are counted: here and in
    `like` alike, so that rows that are in both runs don't seem to lose or gain patterns.
    """
    table = pl.DataFrame()
    for part in files.parts():
        kinds = part.drop("id").with_columns(pl.Series("choose", chooses(part["id"])))
        found = kinds.group_by(kinds.columns).agg(rows=pl.len().cast(pl.Int64))
        table = pl.concat([table, found]) if table.width else found
        table = table.group_by(kinds.columns).agg(pl.col("rows").sum())
    names = [f"{VOTE_PREFIX}{rule}" for rule in files.rules]
    distinct = PatternTable.of(files.rules, files.labels, table.select(names).to_numpy().astype(np.int8))
    rows, choose = table["rows"].to_numpy(), table["choose"].to_numpy()
    labeled = [int(table.filter(pl.col("label") == name)["rows"].sum()) for name in files.labels]

    def of(weights: np.ndarray) -> np.ndarray:
        return np.bincount(distinct.kind, weights=weights, minlength=len(distinct.codes))

    kept = distinct.most_frequent(patterns, of(rows * choose)) if like is None else tuple(like.patterns)
    return distinct.counted(
        of(rows), labeled=np.array(labeled, np.int64), patterns=kept, on=of(rows * ~choose)
    )


def texts_of(
    files: RunFiles, config: Config, project: Path, *, columns: Sequence[str] = (), most: int = SAMPLE
) -> Texts:
    """Return rows of a run with their texts, a sample by a hash of their ids where there are many.

    Parameters
    ----------
    files
        The run.
    config, project
        Of the project.
    columns
        Further columns of the corpus, where it has them.
    most
        Most rows that are returned.
    """
    try:
        corpus = corpus_of(files, config, project)
    except CorpusError as error:
        return Texts(None, False, f"the texts of run {files.name} were not looked at: {error.what}")
    if "text" not in corpus.columns:
        return Texts(None, False, "texts were not looked at: the corpus has no text column")
    ids = pl.concat([part["id"] for part in files.parts(["id"])])
    whole = len(ids) <= most
    chosen = ids if whole else ids.gather(hashed_order(ids, 0)[:most])
    frame = with_columns(files, corpus, ["text", *(c for c in columns if c in corpus.columns)], only=chosen)
    note = "" if whole else f"texts are those of {most:,} of {len(ids):,} rows, drawn at random"
    return Texts(frame, whole, note)


def with_columns(
    files: RunFiles, corpus: Corpus, columns: Sequence[str], *, only: pl.Series | None = None
) -> pl.DataFrame:
    """Return id, label, votes and columns of the corpus, of all rows of a run or of `only` those; sorted by id.

    Raises
    ------
    CorpusError
        Rows of the run are not in the corpus.
    """
    wanted = pl.lit(True) if only is None else pl.col("id").is_in(only.implode())
    votes = pl.concat([part.filter(wanted) for part in files.parts()])
    rows = corpus.scan().filter(wanted).select(list(dict.fromkeys(["id", *columns]))).collect()
    frame = votes.join(rows, on="id", how="inner")
    if frame.height < votes.height:
        raise CorpusError(
            f"{votes.height - frame.height} of {votes.height} rows of run {files.name} are not in the corpus",
            hint="run again: weaklabel run",
        )
    return frame.sort("id")


def corpus_of(files: RunFiles, config: Config, project: Path) -> Corpus:
    """Open the corpus that a run read, and say so where its files have been changed since.

    Raises
    ------
    CorpusError
        It is not there any more, or not as it was.
    """
    known = CorpusConfig.__dataclass_fields__
    said = CorpusConfig(**{name: value for name, value in files.corpus.items() if name in known})
    corpus = open_corpus(replace(config, task=replace(config.task, corpus=said)), project)
    if corpus.fingerprint != files.prints.get("corpus"):
        raise CorpusError(
            f"the corpus has been changed since run {files.name}",
            where=str(said.path),
            hint="run again: weaklabel run",
        )
    return corpus


def check_column(corpus: Corpus, name: str) -> None:
    """Raise unless a column is one of the corpus, or `SHARD`."""
    if name not in corpus.columns and name != SHARD:
        known = [*corpus.columns, SHARD]
        raise CorpusError(
            f"the corpus has no column {name!r}", available=known, hint=did_you_mean(name, known)
        )


def _json(path: Path) -> dict[str, Any]:
    try:
        data: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise GoldError(f"a file of run {path.parts[-3 if path.parent.name == 'model' else -2]} can't be read: {error}",
                        where=str(path), hint="run again: weaklabel run") from error  # fmt: skip
    return data
