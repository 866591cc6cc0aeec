"""`gold report` on a new project: the page, the tables in MLflow, and what is said when something is missing."""

import argparse
import datetime
import json
from pathlib import Path

import polars as pl
import pytest

from weaklabel import tracking
from weaklabel.cli import gold_report as verb
from weaklabel.cli import main
from weaklabel.config import load
from weaklabel.pipeline.desk.report import gold_report, rates_of, record_of, sources_of
from weaklabel.pipeline.desk.room import open_desk
from weaklabel.settings import GoldRoomConfig
from weaklabel.templates import write_project

PEOPLE = ("ann", "bob", "cid")
START = datetime.datetime(2026, 3, 2, 9, tzinfo=datetime.UTC)


@pytest.fixture
def project(tmp_path, monkeypatch):
    folder = write_project(tmp_path / "desk")
    config = folder / "conf" / "config.yaml"
    config.write_text(
        config.read_text()
        + "\ngold:\n  people: {ann: 1, bob: 1, cid: 1}\n  checks: 3\n  most_checks: 0.5\n  hourly: 30\n"
    )
    monkeypatch.chdir(folder)
    return folder


def desk_of(project, *words):
    return open_desk(load(project, list(words)), project)


def label(desk, project):
    """One batch with hidden checks, answered: bob is wrong on every fourth item."""
    known = dict(pl.read_csv(next(project.rglob("gold*.csv"))).select("id", "label").iter_rows())
    ids = sorted(known)
    checks = pl.DataFrame({"item": ids[:8], "labels": [[known[i]] for i in ids[:8]]})
    desk.add_gold(checks.with_columns(role=pl.lit("check"), origin=pl.lit("expert")))
    desk.room.create_batch("b1", pl.DataFrame({"id": ids}), size=9)
    desk.room.move("b1", "sent")
    asked = desk.room.ledger.records("assignment", task=desk.room.task).sort("item", "annotator")
    others = {name: next(n for n in desk.room.schema.names if n != name) for name in desk.room.schema.names}
    rows = []
    for n, (item, person) in enumerate(asked.select("item", "annotator").iter_rows()):
        said = others[known[item]] if person == "bob" and n % 4 == 0 else known[item]
        rows.append((item, person, "label", [said], START, 10.0, "b1", "see ann's text <here>"))
    names = ["item", "annotator", "kind", "labels", "at", "seconds", "batch", "comment"]
    desk.room.add(pl.DataFrame(rows, schema=names, orient="row"))
    desk.room.move("b1", "back")
    return ids


def options_of(project, **more):
    return argparse.Namespace(**({"project": project, "words": [], "json": False, "hardest": 20} | more))


def test_the_report_of_a_batch(project, capsys):
    desk = desk_of(project)
    label(desk, project)
    assert verb.report(options_of(project)) == 0
    out = capsys.readouterr().out
    assert "36 answers" in out and "annotator " in out and "page" in out and "MLflow run" in out
    assert not any(f" {person} " in out for person in PEOPLE)
    page = project / ".weaklabel" / "reports" / "people-first.html"
    text = page.read_text(encoding="utf-8")
    assert "Agreement with gold" in text and "hidden checks" in text
    assert "<here>" not in text and "see ann" not in text
    assert verb.report(options_of(project, json=True)) == 0
    told = json.loads(capsys.readouterr().out)
    (look,) = told["agreement"]
    assert look["with_gold"]["week"][0]["source"] == "check" and look["with_gold"]["week"][0]["answers"] == 9
    # 36 answers of 10 seconds at 30 an hour
    assert sum(row["money"] for row in told["costs"] if row["money"]) == pytest.approx(36 * 10 / 3600 * 30)
    assert told["page"] == str(page) and told["mlflow_run"]


def test_mlflow_gets_the_tables_and_neither_texts_nor_names_nor_items(project):
    import mlflow

    desk = desk_of(project)
    ids = label(desk, project)
    made = gold_report(desk)
    store = tracking.local_store(project, "first")
    client = mlflow.MlflowClient(tracking_uri=store.uri)
    run = client.get_run(made.mlflow_run)
    assert run.data.tags["weaklabel.kind"] == "gold report"
    assert 0 < run.data.metrics["gold/with_gold/raw"] <= 1
    files = list(Path(project, ".weaklabel", "mlartifacts").rglob("gold/*.json"))
    assert {path.name for path in files} >= {
        "agreement_with_gold.json",
        "costs.json",
        "shares.json",
        "time.json",
    }
    known = {row["group"] for row in made.trends.looks[0].gold["annotator"].to_dicts()}
    for path in files:
        text = path.read_text(encoding="utf-8")
        assert json.loads(text)["columns"]
        assert not any(f'"{word}"' in text for word in (*PEOPLE, *ids)), path.name
    assert any(name in path.read_text() for path in files for name in known)


def test_labels_by_rule_are_those_of_the_latest_run(project):
    desk = desk_of(project, "tracking=none")
    before = gold_report(desk).trends.shares
    assert before.height == 0
    assert main(["run", "tracking=none", "plots=false"]) == 0
    label(desk, project)
    sources = sources_of(desk)
    (run,) = sources.runs.rows(named=True)
    folder = project / ".weaklabel" / "runs" / run["run"]
    labels = pl.read_parquet(folder / "labels.parquet").filter(pl.col("status") == "labeled")
    assert run["labeled"] == labels.height > 0
    people = set(sources.settled["item"]) | set(sources.gold["item"])
    assert set(sources.both["item"]) == people & set(labels["id"])
    last = gold_report(desk).trends.shares.row(-1, named=True)
    assert last["rule"] == labels.height - sources.both.height
    assert last["hand"] + last["suggestion"] + last["unknown"] == len(people)
    # a run of another task is not ours
    config = folder / "config.yaml"
    config.write_text(config.read_text().replace("name: first", "name: other"))
    assert sources_of(desk).runs.height == 0


def test_what_is_settled_is_what_the_room_says(project):
    desk = desk_of(project)
    label(desk, project)
    found = sources_of(desk).settled
    room = desk.room.consensus("b1", record=False).settled
    assert found.select("item", "label").rows() == room.rows() and found["batch"].unique().to_list() == ["b1"]
    assert 0 < found.height <= 9


def test_nothing_to_report(project, capsys):
    assert verb.report(options_of(project)) == 3
    assert "nothing to report" in capsys.readouterr().out
    assert not (project / ".weaklabel" / "reports").exists()
    assert verb.report(options_of(project, json=True)) == 3
    assert json.loads(capsys.readouterr().out)["page"] is None


def test_a_server_that_is_not_there_leaves_the_page_and_says_so(project, capsys):
    desk = desk_of(project)
    label(desk, project)
    words = ["tracking.uri=sqlite:////nowhere/at/all.db"]
    assert verb.report(options_of(project, words=words)) == 5
    said = capsys.readouterr()
    assert "not logged: MLflow can't log this" in said.err and "page" in said.out


def test_usage(project, capsys):
    assert verb.report(options_of(project, hardest=0)) == 2
    assert "--hardest is 1 or more" in capsys.readouterr().err


def test_rates_come_from_the_configuration():
    assert not rates_of(GoldRoomConfig()).known
    gold = GoldRoomConfig(hourly=30.0, rates={"ann": 45.0}, currency="EUR", rule_minutes=90.0)
    rates = rates_of(gold)
    assert (rates.of("ann"), rates.of("bob"), rates.currency, rates.rule_minutes) == (45.0, 30.0, "EUR", 90.0)


def test_a_record_holds_figures_of_the_latest_week(project):
    desk = desk_of(project, "tracking=none")
    label(desk, project)
    found = gold_report(desk).trends
    record = record_of(found)
    last = found.looks[0].people["week"].row(-1, named=True)
    assert record.metrics["gold/among_people/alpha"] == last["alpha"]
    assert record.metrics["gold/share/hand"] == found.shares["hand_share"][-1]
    assert all(name.startswith("gold/") for name in record.tables)
