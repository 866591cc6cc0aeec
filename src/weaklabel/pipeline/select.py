"""The next rows for people, from a run: chosen for several uses, doubtful among existing labels, or like a given one."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from weaklabel import label_model
from weaklabel.audit.alike import Alike, similar
from weaklabel.audit.choosing import select
from weaklabel.audit.doubts import Doubts, check_labels
from weaklabel.audit.hints import gold_neighbours
from weaklabel.audit.scores import Beliefs
from weaklabel.audit.selected import Candidates, Selection, Wishes
from weaklabel.audit.vectors import given_vectors, text_vectors
from weaklabel.corpus import Corpus
from weaklabel.errors import CorpusError, GoldError, did_you_mean
from weaklabel.export import write_parquet, write_text, writing
from weaklabel.gold.asking.batches import Plan
from weaklabel.gold.choosing import open_chosen, taken
from weaklabel.gold.sampling import DRAW
from weaklabel.label_matrix import LabelMatrix
from weaklabel.pipeline.audits.files import check_name
from weaklabel.pipeline.audits.rows import find_run
from weaklabel.pipeline.desk.room import Desk, open_desk
from weaklabel.pipeline.gold import ledger_place
from weaklabel.pipeline.task import open_corpus, open_registry
from weaklabel.runs import home
from weaklabel.settings import Config

COMMITTEE = ("majority_vote", "dawid_skene")
"""Label models whose answers are held against those of the run."""
FOLDER = "batches"
Bool = npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Labeled:
    """A run's rows with what is believed of them; made by `open_labeled`.

    Parameters
    ----------
    run
        Its id.
    ids
        The rows.
    beliefs
        Votes, probabilities, and those of further label models.
    corpus
        Where their texts are.
    desk
        The task's gold room; None: there is none yet.
    """

    run: str
    ids: pl.Series
    beliefs: Beliefs
    corpus: Corpus
    desk: Desk | None

    def column(self, name: str) -> pl.Series:
        """Return a column of the corpus, in the order of the rows.

        Raises
        ------
        CorpusError
            The corpus has no such column, or lacks rows of the run.
        """
        if name not in self.corpus.columns:
            hint = did_you_mean(name, self.corpus.columns)
            raise CorpusError(f"the corpus has no column {name!r}", available=self.corpus.columns, hint=hint)
        rows = self.corpus.scan().select("id", pl.col(name).alias("value")).collect()
        both = self.ids.to_frame("id").join(rows, on="id", how="left", maintain_order="left")
        if both.height != self.ids.len() or rows.height < self.ids.len():
            raise CorpusError(
                f"run {self.run} has {self.ids.len():,} rows and the corpus {rows.height:,}: they are not of one corpus",
                hint="run again",
            )
        return both["value"].rename(name)

    @property
    def asks(self) -> bool:
        """Whether there is a gold room with people to ask."""
        return self.desk is not None and bool(self.desk.room.rules.people)

    def left(self) -> Bool:
        """Return which rows nobody has been asked about and which are no gold, (n,)."""
        if self.desk is None:
            return np.ones(self.ids.len(), dtype=bool)
        return ~self.ids.is_in(list(taken(self.desk.room))).to_numpy()

    def gold(self) -> pl.DataFrame:
        """Return `id`, `label`, `inclusion` of gold that a label model may know: of roles calibrate and training."""
        if self.desk is None:
            return pl.DataFrame(schema={"id": pl.String, "label": pl.String, "inclusion": pl.Float64})
        items = self.desk.room.gold().items.filter(pl.col("role").is_in(["calibrate", "training"]))
        single = items.filter(pl.col("labels").list.len() == 1)
        return single.select(id="item", label=pl.col("labels").list.first(), inclusion="inclusion")


@dataclass(frozen=True)
class Chosen:
    """Rows that were chosen, and where they are written; made by `choose_next` and `check_column`.

    Parameters
    ----------
    batch
        Name of the batch.
    found
        What was chosen and why.
    folder
        Where its files are; None: nothing was written.
    plan
        The batch in the gold room; None: there is no gold room, or nothing was recorded.
    audit
        Name of the audit that took the random part; None: none did.
    notes
        What to know.

    Examples
    --------
    >>> Chosen("may", Selection(pl.DataFrame(), {}, 5), None, None).next
    'without --dry-run the rows are written down'
    """

    batch: str
    found: Selection | Doubts
    folder: Path | None
    plan: Plan | None
    audit: str | None = None
    notes: tuple[str, ...] = ()

    @property
    def next(self) -> str:
        """The command that comes next."""
        if self.folder is None:
            return "without --dry-run the rows are written down"
        if self.plan is None:
            return (
                "name people (gold.people) and make the gold room (weaklabel gold status); then choose again"
            )
        return f"weaklabel batch export {self.batch} label_studio out/{self.batch}"

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for JSON."""
        return {
            "batch": self.batch,
            **self.found.to_dict(),
            "folder": None if self.folder is None else str(self.folder),
            "recorded": self.plan is not None,
            "audit": self.audit,
            "notes": list(self.notes),
            "next": self.next,
        }


def open_labeled(config: Config, project: Path, *, run: str = "last", committee: bool = True) -> Labeled:
    """Open a run's rows: its votes, its label model's probabilities, and those of a committee.

    Raises
    ------
    GoldError
        There is no such run, or its votes are gone.

    Examples
    --------
    >>> import tempfile
    >>> from weaklabel.config import load
    >>> from weaklabel.templates import write_project
    >>> project = write_project(Path(tempfile.mkdtemp()) / "desk")
    >>> open_labeled(load(project), project)
    Traceback (most recent call last):
    ...
    weaklabel.errors.GoldError: there is no run of task 'first'
      hint: weaklabel run task=first
    """
    project = Path(project).absolute()
    folder = find_run(project, config.task.name, run)
    registry = open_registry(config, project)
    names = tuple(registry.schema.names)
    table = pl.read_parquet(folder / "labels.parquet", columns=["id", "probabilities"])
    if not sorted((folder / "votes").glob("*.parquet")):
        raise GoldError(f"the votes of run {folder.name} are not there any more", hint="run again")
    votes = LabelMatrix.scan(folder / "votes")
    if not votes.ids.equals(table["id"].rename(votes.ids.name)):
        raise GoldError(f"votes and labels of run {folder.name} are not of the same rows", hint="run again")
    told = table["probabilities"].drop_nulls()
    if told.len() and len(told[0]) != len(names):
        raise GoldError(
            f"run {folder.name} knew {len(told[0])} labels, and the schema has {len(names)}", hint="run again"
        )
    p = _probabilities(table["probabilities"], len(names))
    others = _committee(votes, p, config, len(names), registry.outcome_codes()) if committee else {}
    beliefs = Beliefs(names, p, votes.to_numpy().astype(np.int64), tuple(votes.labelers), others)
    place = ledger_place(config, project)
    there = isinstance(place, str) or place.exists()
    desk = open_desk(config, project) if there else None
    return Labeled(folder.name, table["id"], beliefs, open_corpus(config, project), desk)


def choose_next(
    rows: Labeled,
    project: Path,
    batch: str,
    budget: int,
    *,
    wishes: Wishes,
    seed: int,
    embeddings: str | None = None,
    dry: bool = False,
) -> Chosen:
    """Choose the next rows, write them down, and send them to the gold room where there is one.

    Parameters
    ----------
    rows
        A run's rows.
    project
        Where files go: .weaklabel/batches/<batch>/.
    batch
        Name of the batch.
    budget, wishes, seed
        See `weaklabel.audit.choosing.select`.
    embeddings
        Column of the corpus with vectors of the texts.
    dry
        Write and record nothing.

    Raises
    ------
    GoldError
        There is such a batch already, or nothing to choose.
    """
    folder = _new_folder(project, batch, rows)
    at = np.flatnonzero(rows.left())
    if not len(at):
        raise GoldError("all rows are gold, or went out in earlier batches", hint="add rows to the corpus")
    words = text_vectors(rows.column("text")) if "text" in rows.corpus.columns else None
    flat = None if embeddings is None else given_vectors(rows.column(embeddings), rows=rows.ids.len())
    beliefs = _with_neighbours(rows, words.matrix if words is not None else flat)
    candidates = Candidates(rows.ids, beliefs, words, flat).some(at)
    found = select(candidates, budget, seed=seed, wishes=wishes)
    aside = rows.ids.len() - len(at)
    are = "row is" if aside == 1 else "rows are"
    notes: tuple[str, ...] = (f"{aside:,} {are} left out: gold, or in earlier batches",) if aside else ()
    if dry:
        return Chosen(batch, found, None, None, notes=notes)
    audit = None
    if found.wanted.get("audit") and rows.asks:
        audit, told = _audit_first(rows, batch, found.wanted)
        left = wishes.without("audit")
        free = np.flatnonzero(rows.left()[at])
        found = select(candidates.some(free), budget - found.wanted["audit"], seed=seed, wishes=left)
        notes += told
    _write(folder, found.frame, rows.run, {"budget": budget, "wanted": dict(found.wanted), "seed": seed})
    plan = _sent(rows, batch, found.together(), None, folder)
    more = () if plan is None else plan.notes
    return Chosen(batch, found, folder, plan, audit, (*notes, *more))


def check_column(
    rows: Labeled, project: Path, column: str, *, batch: str | None = None, most: int = 200
) -> Chosen:
    """Hold the labels of a column against the run, and send the most doubtful to people, the label as the suggestion.

    Parameters
    ----------
    rows
        A run's rows.
    project
        Where files go.
    column
        The column of the corpus that holds labels.
    batch
        Name of the batch; None: nothing is written or recorded.
    most
        Doubts that go to people at most; rows that are gold or in earlier batches don't.

    Raises
    ------
    GoldError
        There is such a batch already, or there is nothing to ask people about.
    """
    gold = rows.gold()
    given = rows.column(column).cast(pl.String).replace("", None)
    found = check_labels(rows.ids, given, rows.beliefs, gold=gold if gold.height else None)
    if batch is None:
        return Chosen("", found, None, None)
    folder = _new_folder(project, batch, rows)
    left = rows.ids.filter(pl.Series(rows.left()))
    picked = found.frame.filter(pl.col("id").is_in(left.implode())).head(most)
    if not picked.height:
        raise GoldError(
            "no label is doubtful that nobody has looked at: there is nothing to ask people about"
        )
    _write(folder, picked, rows.run, {"column": column, "most": most})
    drawn = picked.select("id").with_columns(
        pl.lit("picked").alias("design"),
        pl.lit("").alias("stratum"),
        pl.lit(None, pl.Float64).alias("inclusion"),
        pl.lit("check-labels").alias("purpose"),
        pl.int_range(pl.len(), dtype=pl.Int64).alias("order"),
    )
    shown = found.suggestions().filter(pl.col("item").is_in(picked["id"].implode()))
    plan = _sent(rows, batch, drawn.select(DRAW.keys()), shown if shown.height else None, folder)
    notes = ("these rows were picked for being doubtful: their answers say nothing of other rows",)
    return Chosen(batch, found, folder, plan, notes=(*notes, *(() if plan is None else plan.notes)))


def find_similar(
    config: Config, project: Path, id: str, *, most: int = 10, embeddings: str | None = None
) -> tuple[pl.DataFrame, tuple[Alike, ...]]:
    """Return the rows of the corpus most like one, and their texts; no run is needed.

    Raises
    ------
    CorpusError
        The corpus has no text, or no such column.

    Examples
    --------
    >>> import tempfile
    >>> from weaklabel.config import load
    >>> from weaklabel.templates import write_project
    >>> project = write_project(Path(tempfile.mkdtemp()) / "desk")
    >>> texts, found = find_similar(load(project), project, "n01", most=2)
    >>> len(found), texts.height
    (2, 3)
    """
    corpus = open_corpus(config, project)
    wanted = ["id", "text", *([] if embeddings is None else [embeddings])]
    for name in wanted:
        if name not in corpus.columns:
            raise CorpusError(f"the corpus has no column {name!r}", available=corpus.columns,
                              hint=did_you_mean(name, corpus.columns))  # fmt: skip
    rows = corpus.scan().select(wanted).collect()
    found = similar(rows, id, most=most, embeddings=None if embeddings is None else rows[embeddings])
    return rows.filter(pl.col("id").is_in([id, *(one.id for one in found)])).select("id", "text"), found


def _probabilities(column: pl.Series, k: int) -> np.ndarray:
    """Return the probabilities of all rows; of rows without votes, the mean of the others."""
    p = np.full((column.len(), k), np.nan)
    there = column.is_not_null().to_numpy()
    if there.any():
        p[there] = np.array(column.drop_nulls().to_list(), dtype=np.float64)
        p[there] /= p[there].sum(axis=1, keepdims=True)
        p[~there] = p[there].mean(axis=0)
        return p
    return np.full_like(p, 1 / k)


def _committee(
    votes: LabelMatrix, p: np.ndarray, config: Config, k: int, outcomes: Any
) -> dict[str, np.ndarray]:
    own = dict(config.label_model).get("name")
    patterns = votes.patterns()
    found = {}
    for name in COMMITTEE:
        if name != own:
            model = label_model.create(name, n_classes=k, outcomes=outcomes).fit(patterns)
            table = model.predict_proba(patterns)[patterns.inverse]
            heard = (patterns.n_votes > 0)[patterns.inverse]
            found[name] = np.where(heard[:, None], table, p)
    return found


def _with_neighbours(rows: Labeled, vectors: Any) -> Beliefs:
    gold = rows.gold()
    if vectors is None or not gold.height:
        return rows.beliefs
    place = {id: i for i, id in enumerate(rows.ids)}
    known = [(place[id], rows.beliefs.names.index(label)) for id, label, _ in gold.iter_rows()
             if id in place and label in rows.beliefs.names]  # fmt: skip
    if not known:
        return rows.beliefs
    at, codes = (np.array(part, dtype=np.int64) for part in zip(*known, strict=True))
    return replace(rows.beliefs, neighbours=gold_neighbours(vectors, at, codes))


def _audit_first(rows: Labeled, batch: str, wanted: Mapping[str, int]) -> tuple[str, tuple[str, ...]]:
    """Draw the random part as an audit of its own, whose answers are gold of role audit until it is closed."""
    from weaklabel.pipeline.audits.audit import draw_audit
    from weaklabel.pipeline.audits.methods import Wish

    size, name = wanted["audit"], f"{batch}-audit"
    if set(wanted) == {"audit"} or rows.desk is None:
        raise GoldError(
            "labels for figures alone are an audit, not a selection",
            hint=f"weaklabel audit draw {batch} --size {size}",
        )
    draw_audit(rows.desk, name, Wish(size=size, run=rows.run))
    said = f"{size} labels for figures went out as audit {name}; later: weaklabel audit show {name}"
    return name, (said,)


def _new_folder(project: Path, batch: str, rows: Labeled) -> Path:
    check_name(batch)
    folder = home(project) / FOLDER / batch
    known: Sequence[str] = [] if rows.desk is None else rows.desk.room.batches()["batch"].to_list()
    if folder.exists() or batch in known:
        raise GoldError(f"there is a batch {batch!r} already", hint="name the new one otherwise")
    return folder


def _write(folder: Path, frame: pl.DataFrame, run: str, told: dict[str, Any]) -> None:
    with writing(folder):
        folder.mkdir(parents=True)
    write_parquet(frame, folder / "rows.parquet")
    flat = frame.with_columns(pl.col(pl.List(pl.String)).list.join(" | "))
    write_text(flat.write_csv(), folder / "rows.csv")
    write_text(
        json.dumps({"run": run, **told}, ensure_ascii=False, indent=2) + "\n", folder / "made_from.json"
    )


def _sent(
    rows: Labeled, batch: str, drawn: pl.DataFrame, shown: pl.DataFrame | None, folder: Path
) -> Plan | None:
    """Open the batch in the gold room; None: there is no gold room, or nobody to ask. Files go if that fails."""
    if rows.desk is None or not rows.asks:
        return None
    try:
        return open_chosen(rows.desk.room, batch, drawn, suggestions=shown)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
