"""A task's gold room, opened from its configuration, and what leaves it for the tools that people label in."""

from __future__ import annotations

import datetime
import json
import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from weaklabel.config import Config, GoldRoomConfig
from weaklabel.corpus import Corpus
from weaklabel.errors import ConfigError, CorpusError, GoldError, WeakLabelError
from weaklabel.export import write_text, writing
from weaklabel.gold import load_gold
from weaklabel.gold.agreeing.redundancy import Redundancy
from weaklabel.gold.asking.assigning import suggestions_to_show
from weaklabel.gold.asking.batches import BatchSettings
from weaklabel.gold.files import read_table
from weaklabel.gold.gold_set.health import Health, health
from weaklabel.gold.judging.checks import Season
from weaklabel.gold.judging.training import TrainingRules
from weaklabel.gold.ledger.ledger import Added, Ledger
from weaklabel.gold.room import Room, Rules
from weaklabel.gold.tools import ToolAnswers, ToolFiles, from_tool, to_tool
from weaklabel.pipeline.task import open_corpus, open_registry
from weaklabel.redact import redact_column, restore
from weaklabel.runs import home
from weaklabel.schema import LabelSchema

FOLDER = "gold"
_KEPT = "placeholders.json"


@dataclass(frozen=True)
class Desk:
    """A task's gold room with its corpus at hand; made by `open_desk`.

    Parameters
    ----------
    room
        The gold room.
    corpus
        The task's rows.
    config, project
        Of the project.

    Examples
    --------
    >>> import tempfile
    >>> from weaklabel.config import load
    >>> from weaklabel.templates import write_project
    >>> project = write_project(Path(tempfile.mkdtemp()) / "desk")
    >>> desk = open_desk(load(project, ["+gold.people.ann=1"]), project)
    >>> desk.room.task, desk.texts(["n01"]).columns
    ('first', ['item', 'text'])
    """

    room: Room
    corpus: Corpus
    config: Config
    project: Path

    def rows(self, columns: Iterable[str] = ()) -> pl.DataFrame:
        """Return `id` and further columns of every row of the corpus."""
        wanted = list(dict.fromkeys(["id", *columns]))
        strange = [name for name in wanted if name not in self.corpus.columns]
        if strange:
            raise CorpusError(f"the corpus has no column {strange[0]!r}", available=self.corpus.columns)
        return self.corpus.scan().select(wanted).collect()

    def texts(self, items: Iterable[str]) -> pl.DataFrame:
        """Return `item` and `text` of some rows.

        Raises
        ------
        GoldError
            An item is not in the corpus.
        """
        wanted = list(dict.fromkeys(items))
        found = self.corpus.scan().filter(pl.col("id").is_in(wanted)).select(item="id", text="text").collect()
        if found.height < len(wanted):
            known = set(found["item"])
            missing = [item for item in wanted if item not in known]
            raise GoldError(
                f"{len(missing)} of {len(wanted)} items are not in the corpus: {', '.join(map(repr, missing[:5]))}",
                hint="ids are text; a spreadsheet may have rewritten them (007 to 7)",
            )
        return found

    def add_gold(self, new: pl.DataFrame, *, note: str | None = None) -> tuple[str, ...]:
        """Record gold items, near duplicates of each other and of what is there in one role. Return notes."""
        there = self.room.gold().items["item"].to_list()
        ids = set(self.rows()["id"].to_list())
        texts = self.texts([*new["item"].to_list(), *(item for item in there if item in ids)])
        proposal = self.room.add_gold(new, texts=texts, note=note)
        return (f"{proposal.frame.height} gold records written", *proposal.notes)

    def export(self, batch: str, tool: str, folder: Path) -> ToolFiles:
        """Write a batch for a tool: each person's items, texts without personal data, only the columns allowed.

        What placeholders stand for stays in the project, and is put back by `import_answers`.
        """
        asked = self.room.ledger.records("assignment", task=self.room.task).filter(pl.col("batch") == batch)
        if not asked.height:
            raise GoldError(f"no batch {batch!r}", available=self.room.batches()["batch"])
        gold = self.config.gold
        items = self._outgoing(asked["item"].unique(maintain_order=True).to_list(), batch)
        shown = suggestions_to_show(asked)
        return to_tool(
            tool,
            items,
            schema=self.room.schema,
            folder=folder,
            fields=gold.fields,
            batch=batch,
            guideline=self._guideline_version(),
            assignment=asked.sort("annotator", "position").select("annotator", "item"),
            suggestions=shown if shown.height else None,
        )

    def import_answers(
        self, tool: str, path: Path, *, people: Mapping[str, str] | None = None
    ) -> tuple[Added, ToolAnswers]:
        """Read a tool's files and record the answers; what is there already changes nothing."""
        found = from_tool(tool, path, schema=self.room.schema, people=dict(people or {}))
        kept = self._placeholders(found.frame["batch"].drop_nulls().unique().to_list())
        comments = [restore(comment, kept) for comment in found.frame["comment"]]
        frame = found.frame.with_columns(pl.Series("comment", comments, dtype=pl.String))
        return self.room.add(frame), found

    def _outgoing(self, items: list[str], batch: str) -> pl.DataFrame:
        gold, fields = self.config.gold, list(self.config.gold.fields)
        rows = self.rows(["text", *fields]).filter(pl.col("id").is_in(items))
        found: dict[str, str] = {}
        for name in ["text", *fields]:
            if rows[name].dtype == pl.String:
                out = redact_column(rows[name], secret=self.secret(), kinds=gold.redact, custom=gold.patterns)
                rows, found = rows.with_columns(out.column.alias(name)), {**found, **out.found}
        kept = home(self.project) / FOLDER / batch / _KEPT
        with writing(kept):
            kept.parent.mkdir(parents=True, exist_ok=True)
        write_text(json.dumps(found, ensure_ascii=False, indent=0) + "\n", kept)
        return rows

    def _placeholders(self, batches: Iterable[str]) -> dict[str, str]:
        found: dict[str, str] = {}
        for batch in batches:
            path = home(self.project) / FOLDER / batch / _KEPT
            if path.exists():
                found |= json.loads(path.read_text(encoding="utf-8"))
        return found

    def secret(self) -> str:
        """Return the project's secret, made once: the same value gets the same placeholder in every batch."""
        path = home(self.project) / FOLDER / "secret"
        if not path.exists():
            with writing(path):
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(secrets.token_hex(16) + "\n", encoding="utf-8")
                path.chmod(0o600)
        return path.read_text(encoding="utf-8").strip()

    def _guideline_version(self) -> str | None:
        if self.config.task.guideline is None:
            return None
        from weaklabel.gold.guideline import load_guideline

        return load_guideline(self.project / self.config.task.guideline, schema=self.room.schema).version


def open_desk(config: Config, project: str | Path) -> Desk:
    """Open a task's gold room and corpus; the ledger is made where there is none.

    Raises
    ------
    ConfigError
        A setting of `gold` is out of its range; it is named.
    """
    project = Path(project).absolute()
    registry, corpus = open_registry(config, project), open_corpus(config, project)
    if "text" not in corpus.columns:
        raise CorpusError("people label texts: this corpus has no text column", available=corpus.columns,
                          hint="name it: task.corpus.text=…")  # fmt: skip
    room = Room(
        Ledger.open(ledger_place(config, project)),
        config.task.name,
        registry.schema,
        rules_of(config.gold),
        seed=config.seed,
    )
    return Desk(room, corpus, config, project)


def ledger_place(config: Config, project: Path) -> str | Path:
    """Return where a project keeps its ledger.

    Examples
    --------
    >>> ledger_place(Config(), Path("/desk")).as_posix()
    '/desk/.weaklabel/gold/ledger.db'
    """
    place = config.gold.ledger
    if place is None:
        return project / ".weaklabel" / FOLDER / "ledger.db"
    return place if "://" in place else project / place


def rules_of(gold: GoldRoomConfig) -> Rules:
    """Return how people work, as the configuration says.

    Examples
    --------
    >>> rules_of(GoldRoomConfig(people={"ann": 1.0, "bob": 1.0}, training_answers=12)).training.least
    12
    """
    try:
        season = Season(
            people=gold.season.people or max(len(gold.people), 1),
            batches=gold.season.batches,
            false_alarms=gold.season.false_alarms,
        )
        return Rules(
            people=dict(gold.people),
            batch=BatchSettings(
                per_item=gold.per_item,
                checks=gold.checks,
                most_checks=gold.most_checks,
                blind=gold.blind,
            ),
            redundancy=Redundancy(per_item=gold.per_item, most=gold.most, sure=gold.sure),
            training=TrainingRules(least=gold.training_answers, kappa=gold.training_kappa),
            season=season,
            floor=gold.floor,
            kappa_floor=gold.kappa_floor,
            review=gold.review,
            consensus=gold.consensus,
        )
    except WeakLabelError as error:
        raise ConfigError(
            error.what, where=error.where or "gold", available=error.available, hint=error.hint
        ) from error


# ---- files of gold, decisions and the queue ----


def gold_records(
    path: Path, schema: LabelSchema, *, role: str, origin: str = "expert", experts: Sequence[str] = ()
) -> pl.DataFrame:
    """Return gold records from a table with `id` and, unless items are removed, `label`.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "gold.csv"
    >>> written = path.write_text("id,label\\na,ham\\n")
    >>> gold_records(path, LabelSchema(["ham", "spam"]), role="check").select("item", "labels", "role").rows()
    [('a', ['ham'], 'check')]
    """
    if role == "removed":
        frame = read_table(path, ["id"], texts=["id"])
        return frame.select(item=pl.col("id"), role=pl.lit(role))
    gold = load_gold(path, schema=schema)
    return gold.frame.select(
        item="id",
        labels=pl.concat_list("label"),
        role=pl.lit(role),
        origin=pl.lit(origin),
        experts=pl.lit(list(experts), dtype=pl.List(pl.String)),
    )


def write_queue(queue: pl.DataFrame, texts: Mapping[str, str], path: Path) -> None:
    """Write the experts' queue as CSV to fill in."""
    frame = queue.select(
        "item",
        "batch",
        "why",
        pl.Series("text", [texts.get(item, "") for item in queue["item"]], dtype=pl.String),
        *(pl.lit(None, dtype=pl.String).alias(name) for name in ("label", "expert", "reason", "case")),
    )
    with writing(path):
        frame.write_csv(path)


def decisions(path: Path) -> pl.DataFrame:
    """Read what experts decided: rows of `write_queue` with a label.

    Several labels stand with a bar between them; `none` is none of the labels; `case` is yes where the item is a case
    for the guideline.
    """
    names = ["item", "label", "expert", "reason", "case"]
    frame = read_table(path, ["item", "label", "expert"], texts=names)
    for name in names:
        if name not in frame.columns:
            frame = frame.with_columns(pl.lit(None, dtype=pl.String).alias(name))
    label = pl.col("label").str.strip_chars()
    named = (
        pl.when(label == "none").then(pl.lit([], dtype=pl.List(pl.String))).otherwise(label.str.split("|"))
    )
    return frame.filter(label.is_not_null() & (label != "")).select(
        "item",
        "expert",
        "reason",
        labels=named,
        case=pl.col("case").str.to_lowercase().is_in(["yes", "y", "true", "1"]).fill_null(False),
    )


# ---- reports ----


def status(desk: Desk) -> dict[str, Any]:
    """Return where a gold room stands, as plain data: gold by role, batches, answers, queue, and what to do next."""
    room = desk.room
    gold, batches, queue = room.gold(), room.batches(), room.queue()
    asked = room.ledger.records("assignment", task=room.task)
    answers = room.answers()
    counts = gold.items.group_by("role").len().sort("role")
    lines = []
    for row in batches.iter_rows(named=True):
        mine = asked.filter(pl.col("batch") == row["batch"]).unique(["item", "annotator"])
        back = answers.filter(pl.col("batch") == row["batch"]).height
        lines.append(
            {
                **{k: row[k] for k in ("batch", "purpose", "state", "note")},
                "asked": mine.height,
                "answered": back,
            }
        )
    return {
        "task": room.task,
        "ledger": room.ledger.place,
        "gold": {role: int(n) for role, n in counts.iter_rows()},
        "answers": answers.height,
        "people": answers["annotator"].n_unique(),
        "batches": lines,
        "queue": queue.to_dicts(),
        "next": _next(desk, lines, queue.height),
    }


def _next(desk: Desk, batches: Sequence[Mapping[str, Any]], waiting: int) -> list[str]:
    """Return what a team does next, the nearest first."""
    found = []
    if not desk.room.rules.people:
        found.append("name the annotators in conf: gold.people: {ann: 1, bob: 1, cid: 1}")
    if not desk.room.gold().items.height:
        found.append("add gold that experts made: weaklabel gold add FILE --role check")
    steps = {
        "drawn": "send it: weaklabel batch export {0} TOOL DIR, then weaklabel batch move {0} sent",
        "sent": "when it is back: weaklabel gold import TOOL PATH, then weaklabel batch move {0} back",
        "back": "judge it: weaklabel gold judge {0}",
        "checked": "look at it: weaklabel gold consensus {0}, weaklabel batch review {0}",
        "reviewed": "release it: weaklabel batch move {0} released",
    }
    for one in batches:
        if one["state"] in steps:
            step = steps[one["state"]]
            if one["purpose"] == "training" and one["state"] == "back":
                step = "judge it: weaklabel training judge {0}"
            found.append(f"{one['batch']} is {one['state']}; {step.format(one['batch'])}")
    if waiting:
        found.append(f"{waiting} items wait for an expert: weaklabel gold queue --write queue.csv")
    return found or ["draw a batch: weaklabel batch create NAME --size N"]


def health_of(desk: Desk) -> Health:
    """Return how good a task's gold set is, beside the corpus."""
    gold = desk.room.gold()
    corpus = desk.rows(["text"]).with_columns(item=pl.col("id"))
    return health(gold, now=datetime.datetime.now(datetime.UTC), corpus=corpus, text="text")
