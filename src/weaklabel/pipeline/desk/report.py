"""The report on people's work: what the ledger and the runs know, as a page in the project and as tables in MLflow."""

from __future__ import annotations

import datetime
import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import polars as pl
import yaml

from weaklabel import tracking
from weaklabel.gold.agreeing.consensus import consensus
from weaklabel.gold.agreeing.opinions import history
from weaklabel.gold.judging.quarantine import standing
from weaklabel.gold.trends.costs import Rates
from weaklabel.gold.trends.found import Sources, Trends
from weaklabel.gold.trends.looking_back import look_back
from weaklabel.gold.trends.shares import RUNS, SETTLED
from weaklabel.pipeline.desk.room import Desk
from weaklabel.pipeline.whole import tracking_store
from weaklabel.report.gold_page import write_gold_page
from weaklabel.runs import HOME, home
from weaklabel.settings import GoldRoomConfig


@dataclass(frozen=True)
class GoldReport:
    """A report that was made.

    Parameters
    ----------
    trends
        What it shows.
    page
        The file; None: there was nothing to show.
    mlflow_run
        Its run in MLflow; None: it was not logged.
    tracking_error
        Why it could not be logged.
    """

    trends: Trends
    page: Path | None = None
    mlflow_run: str | None = None
    tracking_error: tracking.TrackingError | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for JSON."""
        return {
            **self.trends.to_dict(),
            "page": None if self.page is None else str(self.page),
            "mlflow_run": self.mlflow_run,
            "tracking_error": None if self.tracking_error is None else str(self.tracking_error),
        }


def gold_report(desk: Desk, *, most: int = 20) -> GoldReport:
    """Look back on a task's people, write the page, and log the tables.

    Parameters
    ----------
    desk
        The task's gold room.
    most
        Number of hardest items.

    Examples
    --------
    >>> import tempfile
    >>> from weaklabel.config import load
    >>> from weaklabel.pipeline.desk.room import open_desk
    >>> from weaklabel.templates import write_project
    >>> project = write_project(Path(tempfile.mkdtemp()) / "desk")
    >>> made = gold_report(open_desk(load(project, ["tracking=none"]), project))
    >>> made.page, made.trends.empty
    (None, True)
    """
    found = look_back(
        sources_of(desk),
        task=desk.room.task,
        schema=desk.room.schema,
        rates=rates_of(desk.config.gold),
        seed=desk.config.seed,
        most=most,
        confidence=desk.config.evaluation.confidence,
    )
    if found.empty:
        return GoldReport(found)
    name = f"people-{desk.room.task}.html"
    page = write_gold_page(
        found, home(desk.project) / "reports" / name, title=f"People's work on {desk.room.task}"
    )
    return _logged(GoldReport(found, page), desk)


def rates_of(gold: GoldRoomConfig) -> Rates:
    """Return what people's time costs, as the configuration says.

    Examples
    --------
    >>> rates_of(GoldRoomConfig(hourly=30.0)).of("ann")
    30.0
    """
    return Rates(
        hourly=gold.hourly,
        people=dict(gold.rates),
        currency=gold.currency,
        rule_minutes=gold.rule_minutes,
    )


def sources_of(desk: Desk) -> Sources:
    """Return what the report is made from.

    Examples
    --------
    >>> import tempfile
    >>> from weaklabel.config import load
    >>> from weaklabel.pipeline.desk.room import open_desk
    >>> from weaklabel.templates import write_project
    >>> project = write_project(Path(tempfile.mkdtemp()) / "desk")
    >>> found = sources_of(open_desk(load(project), project))
    >>> found.answers.height, found.runs.height
    (0, 0)
    """
    room = desk.room
    of = partial(room.ledger.records, task=room.task)
    gold, settled, runs = of("gold"), _settled(desk), list(_runs(desk))
    people = pl.concat([settled.select("item"), gold.select("item")]).unique()
    also = [_also(row[0], path, people) for row, path in runs]
    return Sources(
        room.ledger.answers(task=room.task),
        gold,
        of("assignment"),
        of("batch"),
        of("quarantine"),
        of("guideline"),
        settled=settled,
        runs=pl.DataFrame([row for row, _ in runs], schema=RUNS, orient="row"),
        both=pl.concat([pl.DataFrame(schema={"run": pl.String, "item": pl.String}), *also]),
        names=room.ledger.pseudonyms(),
    )


def _settled(desk: Desk) -> pl.DataFrame:
    """Return what the answers of every production batch have settled, as `Room.consensus` says; read once for all."""
    room = desk.room
    batches = room.batches().filter(pl.col("purpose") == "production")["batch"]
    asked = room.ledger.records("assignment", task=room.task)
    aside = room.ledger.records("quarantine", task=room.task)
    current = room.ledger.current(task=room.task)
    checks = asked.filter(pl.col("check")).select("batch", "item", "annotator").unique()
    who = ["batch", "item", "annotator"]
    on_checks = standing(current, aside).join(checks, on=who, how="semi")
    past = history(on_checks, room.gold().role("check"), schema=room.schema)
    answers = current.join(checks, on=who, how="anti", maintain_order="left")
    found = [pl.DataFrame(schema=SETTLED)]
    for batch in batches:
        mine = answers.filter(pl.col("batch") == batch)
        if mine.height:
            one = consensus(
                mine,
                schema=room.schema,
                method=room.rules.consensus,
                history=past,
                floor=room.rules.redundancy.sure,
                quarantines=aside,
            ).settled
            found.append(one.select("item", pl.lit(batch).alias("batch"), "label").cast(pl.Schema(SETTLED)))
    return pl.concat(found)


def _runs(desk: Desk) -> Iterator[tuple[tuple[str, datetime.datetime, int], Path]]:
    """Give each run of the task: its id, when it was, how many rows got a label, and where they are."""
    for path in sorted((desk.project / HOME / "runs").glob("[!.]*/manifest.json")):
        labels = path.with_name("labels.parquet")
        if not labels.is_file() or _task_of(path.parent) not in (None, desk.room.task):
            continue
        manifest = json.loads(path.read_text(encoding="utf-8"))
        count = (
            pl.scan_parquet(labels).filter(pl.col("status") == "labeled").select(pl.len()).collect().item()
        )
        made = datetime.datetime.fromisoformat(manifest["created_at"])
        yield (manifest["run_id"], made.astimezone(datetime.UTC), int(count)), labels


def _also(run: str, labels: Path, people: pl.DataFrame) -> pl.DataFrame:
    """Return the items that people have labeled and that a run has labeled too."""
    rows = pl.scan_parquet(labels).filter(pl.col("status") == "labeled").select(item=pl.col("id"))
    both = rows.join(people.lazy(), on="item", how="semi").collect()
    return both.select(pl.lit(run).alias("run"), "item")


def _task_of(folder: Path) -> str | None:
    path = folder / "config.yaml"
    if not path.is_file():
        return None
    config = yaml.safe_load(path.read_text(encoding="utf-8"))
    name = (config or {}).get("task", {}).get("name")
    return None if name is None else str(name)


def _logged(report: GoldReport, desk: Desk) -> GoldReport:
    store = tracking_store(desk.config, desk.project)
    if store is None:
        return report
    try:
        run = tracking.log_run(store, record_of(report.trends))
    except tracking.TrackingError as error:
        return GoldReport(report.trends, report.page, tracking_error=error)
    return GoldReport(report.trends, report.page, mlflow_run=run)


def record_of(found: Trends) -> tracking.Record:
    """Return what goes to MLflow: tables and latest figures, without texts, ids of items, or names of people.

    Examples
    --------
    >>> from weaklabel.gold.trends.found import no_records
    >>> from weaklabel.schema import LabelSchema
    >>> empty = look_back(Sources(*no_records()), task="mail", schema=LabelSchema(["ham", "spam"]))
    >>> record = record_of(empty)
    >>> record.name, record.metrics["gold/answers"]
    ('gold report', 0.0)
    """
    tables = {f"gold/{name}.json": _plain(frame) for name, frame in found.tables().items()}
    return tracking.Record(
        name="gold report",
        tags={"weaklabel.task": found.task, "weaklabel.kind": "gold report"},
        metrics=_figures(found),
        tables={name: frame for name, frame in tables.items() if frame.height},
    )


def _plain(frame: pl.DataFrame) -> pl.DataFrame:
    """Return a table with days and times as text."""
    return frame.with_columns(pl.selectors.temporal().cast(pl.String))


def _figures(found: Trends) -> dict[str, float | None]:
    """Return the figures of the latest week, of each question."""
    figures: dict[str, float | None] = {
        "gold/answers": float(found.answers),
        "gold/items": float(found.items),
    }
    for look in found.looks:
        about = "" if look.label is None else f"/{look.label}"
        checks = look.gold["week"].filter(pl.col("source") == "check").tail(1)
        people = look.people["week"].tail(1)
        for name, table in (("with_gold", checks), ("among_people", people)):
            second = "kappa" if name == "with_gold" else "alpha"
            for kind in ("raw", second):
                for end in ("", "_low", "_high"):
                    if table.height:
                        figures[f"gold/{name}{about}/{kind}{end}"] = table[f"{kind}{end}"][0]
    for row in found.costs.table.iter_rows(named=True):
        figures[f"gold/minutes_each/{row['way']}"] = row["each"]
        figures[f"gold/money_each/{row['way']}"] = row["money_each"]
    if found.shares.height:
        last = found.shares.row(-1, named=True)
        figures |= {f"gold/share/{way}": last[f"{way}_share"] for way in ("hand", "suggestion", "rule")}
    return figures
