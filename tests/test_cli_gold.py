"""The gold room from the command line, on a new project."""

import json

import polars as pl
import pytest

from weaklabel.cli import main
from weaklabel.templates import write_project

PEOPLE = ("ann", "bob", "cid")


@pytest.fixture
def project(tmp_path, monkeypatch):
    folder = write_project(tmp_path / "desk")
    config = folder / "conf" / "config.yaml"
    config.write_text(
        config.read_text() + "\ngold:\n  people: {ann: 1, bob: 1, cid: 1}\n  checks: 3\n  most_checks: 0.5\n"
        "  training_answers: 5\n  training_kappa: 0.5\n"
    )
    monkeypatch.chdir(folder)
    return folder


def call(capsys, *words):
    code = main(list(words))
    out, err = capsys.readouterr()
    return code, out, err


def truth(project):
    return dict(pl.read_csv(next(project.rglob("gold*.csv"))).select("id", "label").iter_rows())


def gold_file(project, ids, path):
    known = truth(project)
    pl.DataFrame({"id": ids, "label": [known[i] for i in ids]}).write_csv(path)
    return path


def answer(folder, known, *, but=()):
    """Fill in the tables that `batch export … table` wrote."""
    for path in folder.glob("*.csv"):
        table = pl.read_csv(path, infer_schema=False)
        labels = [but[i] if i in dict(but) else known[i] for i in table["weaklabel_id"]]
        table.with_columns(pl.Series("label", labels)).write_csv(path)


def test_the_loop_by_verbs(capsys, project, tmp_path):
    known = truth(project)
    ids = sorted(known)
    code, out, _ = call(capsys, "gold", "status")
    assert code == 0 and "none yet" in out and "weaklabel gold add FILE --role check" in out
    checks = gold_file(project, ids[:8], tmp_path / "checks.csv")
    code, out, _ = call(capsys, "gold", "add", str(checks), "--role", "check", "--expert", "eve")
    assert code == 0 and "8 gold records written" in out
    # a role that it may not have is refused, and nothing is written
    code, _, err = call(capsys, "gold", "add", str(checks), "--role", "audit")
    assert code == 1 and "can't go from check to audit" in err
    training = gold_file(project, ids[8:16], tmp_path / "training.csv")
    assert call(capsys, "gold", "add", str(training), "--role", "training")[0] == 0

    code, out, _ = call(capsys, "training", "create", "r1", "--size", "6")
    assert code == 0 and "18 assignments for 3 people" in out
    round_folder = tmp_path / "r1"
    assert call(capsys, "batch", "export", "r1", "table", str(round_folder))[0] == 0
    answer(round_folder, known)
    assert call(capsys, "gold", "import", "table", str(round_folder))[0] == 0
    code, out, _ = call(capsys, "training", "judge", "r1", "--json")
    assert code == 0 and {p["verdict"] for p in json.loads(out)["people"]} == {"passed"}

    code, out, _ = call(capsys, "batch", "create", "b1", "--size", "9")
    assert code == 0 and "hidden checks" in out and "with 3 checks a fall from 95 %" in out
    assert call(capsys, "batch", "move", "b1", "sent")[0] == 0
    out_folder = tmp_path / "b1"
    code, out, _ = call(capsys, "batch", "export", "b1", "table", str(out_folder))
    assert code == 0 and len(list(out_folder.glob("*.csv"))) == len(PEOPLE)
    answer(out_folder, known)
    code, out, _ = call(capsys, "gold", "import", "table", str(out_folder), "--json")
    assert code == 0 and json.loads(out)["new"] == 9 * 3 + 3 * 3
    code, out, _ = call(capsys, "gold", "import", "table", str(out_folder))
    assert code == 3 and "0 new answers" in out
    assert call(capsys, "batch", "move", "b1", "back")[0] == 0
    code, out, _ = call(capsys, "gold", "judge", "b1")
    assert code == 0 and "3 of 3" in out
    code, out, _ = call(capsys, "gold", "consensus", "b1")
    assert code == 0 and "9 items: 9 settled" in out
    code, out, _ = call(capsys, "batch", "review", "b1")
    assert code == 0 and "9 of 9 agreed items are shown" in out
    assert call(capsys, "gold", "queue")[0] == 3
    code, out, _ = call(capsys, "gold", "health", "--json")
    assert code == 0 and json.loads(out)["sentences"]
    code, out, _ = call(capsys, "gold", "status", "--json")
    found = json.loads(out)
    assert found["gold"] == {"check": 8, "training": 8}
    assert {b["batch"]: b["state"] for b in found["batches"]} == {"b1": "checked", "r1": "drawn"}


def test_what_people_disagree_on_goes_to_an_expert_and_becomes_gold(capsys, project, tmp_path):
    known = truth(project)
    labels = sorted(set(known.values()))
    assert call(capsys, "batch", "create", "b1", "--size", "5")[0] == 0
    folder = tmp_path / "b1"
    assert call(capsys, "batch", "export", "b1", "table", str(folder))[0] == 0
    hard = pl.read_csv(folder / "ann.csv", infer_schema=False)["weaklabel_id"][0]
    for label, person in zip(labels, PEOPLE, strict=True):
        path = folder / f"{person}.csv"
        table = pl.read_csv(path, infer_schema=False)
        said = [label if i == hard else known[i] for i in table["weaklabel_id"]]
        table.with_columns(pl.Series("label", said)).write_csv(path)
    assert call(capsys, "gold", "import", "table", str(folder))[0] == 0
    code, out, _ = call(capsys, "gold", "consensus", "b1")
    assert code == 0 and hard in out
    queue = tmp_path / "queue.csv"
    code, out, _ = call(capsys, "gold", "queue", "--write", str(queue))
    assert code == 0 and hard in out
    filled = pl.read_csv(queue, infer_schema=False)
    assert filled["item"].to_list() == [hard] and filled["text"][0]
    filled.with_columns(
        label=pl.lit(known[hard]),
        expert=pl.lit("eve"),
        reason=pl.lit("asks for something"),
        case=pl.lit("yes"),
    ).write_csv(queue)
    code, out, _ = call(capsys, "gold", "settle", str(queue), "--batch", "b1")
    assert code == 0 and "1 items became gold" in out and "guideline" in out
    assert call(capsys, "gold", "queue")[0] == 3
    code, out, _ = call(capsys, "gold", "status", "--json")
    assert json.loads(out)["gold"] == {"calibrate": 1}


def test_mistakes_are_told(capsys, project, tmp_path):
    code, _, err = call(capsys, "batch", "export", "b7", "table", str(tmp_path / "x"))
    assert code == 1 and "no batch 'b7'" in err
    code, _, err = call(capsys, "gold", "judge", "b7")
    assert code == 1 and "no production batch 'b7'" in err
    code, _, err = call(capsys, "batch", "create", "b1", "--size", "5", "gold.per_item=4")
    assert code == 1 and "even number" in err
    code, _, err = call(capsys, "batch", "create", "b1", "--size", "5", "--strata", "color")
    assert code == 1 and "no column 'color'" in err
    code, _, err = call(capsys, "gold", "add", str(tmp_path / "none.csv"), "--role", "check")
    assert code == 1 and "none.csv" in err
    strange = tmp_path / "strange.csv"
    strange.write_text("id,label\nnowhere,thanks\n")
    code, _, err = call(capsys, "gold", "add", str(strange), "--role", "check")
    assert code == 1 and "'nowhere'" in err
    assert call(capsys, "gold", "import", "table", str(tmp_path), "--person", "ann")[0] == 2
    (project / ".weaklabel" / "gold" / "ledger.db").write_bytes(b"no database" * 100)
    code, _, err = call(capsys, "gold", "status")
    assert code == 1 and "ledger.db" in err and "Traceback" not in err


def test_personal_data_stays(capsys, project, tmp_path):
    notes = next(project.rglob("*.jsonl"))
    rows = pl.read_ndjson(notes)
    changed = rows.with_columns(text=pl.col("text") + " Write to jo.doe@example.org, thanks!")
    changed.write_ndjson(notes)
    assert call(capsys, "batch", "create", "b1", "--size", "4")[0] == 0
    folder = tmp_path / "out"
    assert call(capsys, "batch", "export", "b1", "table", str(folder))[0] == 0
    sent = "".join(p.read_text() for p in folder.iterdir())
    assert "jo.doe" not in sent and "[EMAIL-" in sent
    kept = json.loads((project / ".weaklabel" / "gold" / "b1" / "placeholders.json").read_text())
    assert list(kept.values()) == ["jo.doe@example.org"]
    # a comment that quotes a placeholder comes back with what it stands for
    mark = next(iter(kept))
    path = folder / "ann.csv"
    table = pl.read_csv(path, infer_schema=False)
    label = next(iter(truth(project).values()))
    table.with_columns(label=pl.lit(label), comment=pl.lit(f"is {mark} right?")).write_csv(path)
    assert call(capsys, "gold", "import", "table", str(path))[0] == 0
    from weaklabel.gold import Ledger

    said = Ledger.open(project / ".weaklabel" / "gold" / "ledger.db").questions()["comment"]
    assert said.unique().to_list() == ["is jo.doe@example.org right?"]
