"""A task's gold room, opened from its configuration, and what leaves it for the tools that people label in."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from weaklabel.corpus import Corpus
from weaklabel.errors import ConfigError, CorpusError, GoldError, WeakLabelError
from weaklabel.export import write_text, writing
from weaklabel.gold.agreeing.redundancy import Redundancy
from weaklabel.gold.asking.assigning import suggestions_to_show
from weaklabel.gold.asking.batches import BatchSettings
from weaklabel.gold.judging.checks import Season
from weaklabel.gold.judging.training import TrainingRules
from weaklabel.gold.ledger.ledger import Added, Ledger
from weaklabel.gold.room import Room
from weaklabel.gold.rules import Rules
from weaklabel.gold.tools import ToolAnswers, ToolFiles, from_tool, to_tool
from weaklabel.pipeline.gold import ledger_place
from weaklabel.pipeline.task import open_corpus, open_registry
from weaklabel.redact import redact_column, restore
from weaklabel.runs import home
from weaklabel.settings import Config, GoldRoomConfig

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
        found = _texts(self.corpus, wanted)
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
        count = proposal.frame.height
        return (f"{count} gold {'record' if count == 1 else 'records'} written", *proposal.notes)

    def export(self, batch: str, tool: str, folder: Path) -> ToolFiles:
        """Write a batch for a tool: each person's items, texts without personal data, only the columns allowed.

        What placeholders stand for stays in the project, and is put back by `import_answers`.
        """
        asked = self.room.ledger.records("assignment", task=self.room.task).filter(pl.col("batch") == batch)
        if not asked.height:
            raise GoldError(f"no batch {batch!r}", available=self.room.batches()["batch"])
        asked = asked.unique(
            ["annotator", "item"], keep="last", maintain_order=True
        )  # sent back: asked once more
        gold = self.config.gold
        items = self.outgoing(asked["item"].unique(maintain_order=True).to_list(), batch)
        shown = suggestions_to_show(asked)
        return to_tool(
            tool,
            items,
            schema=self.room.schema,
            folder=folder,
            fields=gold.fields,
            batch=batch,
            guideline=self.guideline_version(),
            assignment=asked.sort("annotator", "position").select("annotator", "item"),
            suggestions=shown if shown.height else None,
        )

    def import_answers(
        self, tool: str, path: Path, *, people: Mapping[str, str] | None = None
    ) -> tuple[Added, ToolAnswers]:
        """Read a tool's files and record the answers; what is there already changes nothing."""
        found = from_tool(
            tool, path, schema=self.room.schema, people={**self.config.gold.accounts, **(people or {})}
        )
        kept = self._placeholders(found.frame["batch"].drop_nulls().unique().to_list())
        comments = [restore(comment, kept) for comment in found.frame["comment"]]
        frame = found.frame.with_columns(pl.Series("comment", comments, dtype=pl.String))
        return self.room.add(frame), found

    def outgoing(self, items: list[str], batch: str) -> pl.DataFrame:
        """Return the rows of items as they may leave: allowed columns only, personal data behind placeholders."""
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
            new = kept.with_suffix(".new")
            write_text(json.dumps(found, ensure_ascii=False, indent=0) + "\n", new)
            new.replace(kept)
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

    def guideline_version(self) -> str | None:
        """Return the version of the guideline in force; None where a task has none."""
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
        texts=lambda items: _texts(corpus, items),
    )
    return Desk(room, corpus, config, project)


def _texts(corpus: Corpus, items: Sequence[str]) -> pl.DataFrame:
    """Return `item` and `text` of those items that are in the corpus."""
    rows = corpus.scan().filter(pl.col("id").is_in(list(items)))
    return rows.select(item="id", text="text").collect()


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
            retention_days=gold.retention_days,
        )
    except WeakLabelError as error:
        raise ConfigError(
            error.what, where=error.where or "gold", available=error.available, hint=error.hint
        ) from error
