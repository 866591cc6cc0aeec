"""Verbs that choose rows for people, on a new project whose labels are right in 95 % of rows."""

import json
import shutil

import polars as pl
import pytest

from audit_project import make_project, through_people, truth
from weaklabel import cli
from weaklabel.cli import main, select


@pytest.fixture(scope="module")
def labeled(tmp_path_factory):
    """A project with a run, labels of its own of which some are wrong or missing, and notes that no rule knows."""
    project = make_project(tmp_path_factory.mktemp("select") / "desk")
    path = project / "labeling_functions" / "first" / "sample" / "notes.jsonl"
    notes = [json.loads(line) for line in path.read_text().splitlines()]
    for i, note in enumerate(notes):
        note["legacy"] = "" if i % 100 == 7 else truth()[note["id"]]
        note["vector"] = [float(i % 3 == c) for c in range(3)]
    notes += [
        {"id": f"z{i:02}", "text": f"shelf {['moved', 'empty'][i % 2]} {i}", "channel": "desk", "legacy": "thanks",
         "vector": [0.0, 0.0, 0.0]}
        for i in range(20)
    ]  # fmt: skip
    path.write_text("".join(json.dumps(note) + "\n" for note in notes))
    assert main(["run", "plots=false", "--project", str(project)]) == 0
    return project


@pytest.fixture
def project(labeled, tmp_path, monkeypatch):
    folder = tmp_path / "desk"
    shutil.copytree(labeled, folder)
    monkeypatch.chdir(folder)
    for name, verb in select.VERBS.items():
        monkeypatch.setitem(cli.VERBS, name, verb)
    return folder


@pytest.fixture
def call(capsys):
    """Run a verb; give its exit code, what it prints, and what it says."""

    def run(*words):
        code = main([str(word) for word in words])
        out, err = capsys.readouterr()
        return code, out, err

    return run


def test_rows_are_written_where_there_is_no_gold_room(project, call):
    code, out, _ = call("select", "may", "--budget", "20", "--use", "audit=1", "--use", "coverage=1")
    assert code == 0
    assert "20 rows of 420: 10 for audit, 10 for coverage" in out
    assert "no rule votes; stands for" in out
    assert "gold status" in out
    rows = pl.read_parquet(project / ".weaklabel/batches/may/rows.parquet")
    assert rows.height == 20 and set(rows["use"]) == {"audit", "coverage"}
    assert rows.filter(use="coverage")["id"].str.starts_with("z").all()
    assert not (project / ".weaklabel/gold/ledger.db").exists()
    made = json.loads((project / ".weaklabel/batches/may/made_from.json").read_text())
    assert made["wanted"] == {"audit": 10, "coverage": 10}
    code, _, err = call("select", "may", "--budget", "20")
    assert code == 1 and "there is a batch 'may' already" in err


def test_dry_run_writes_nothing(project, call):
    code, out, _ = call("select", "may", "--budget", "12", "--dry-run", "--json")
    found = json.loads(out)
    assert code == 0 and found["chosen"] <= 12 and not found["recorded"]
    assert {"use", "why", "inclusion", "any"} <= found["selection"][0].keys()
    assert not (project / ".weaklabel/batches").exists()


def test_in_the_gold_room_figures_are_an_audit_and_the_rest_a_batch(project, call, tmp_path):
    assert call("gold", "status")[0] in (0, 3)
    code, out, err = call(
        "select",
        "may",
        "--budget",
        "60",
        "--use",
        "audit=2",
        "--use",
        "learning=1",
        "--use",
        "coverage=1",
        "--json",
    )
    assert code == 0, err
    found = json.loads(out)
    assert found["audit"] == "may-audit" and found["recorded"]
    mine = {row["id"] for row in found["selection"]}
    states = json.loads(call("audit", "status", "--json")[1])
    assert "may-audit" in str(states)
    through_people(lambda *words: call(*words)[0], "may-audit", truth() | NO_RULE, tmp_path / "out")
    shown = json.loads(call("audit", "show", "may-audit", "--json")[1])
    assert any(f["figure"] == "accuracy" for f in shown["figures"])
    through_people(lambda *words: call(*words)[0], "may", truth() | NO_RULE, tmp_path / "out")
    # whoever has been asked is not asked again
    again = json.loads(
        call("select", "june", "--budget", "40", "--use", "coverage=1", "--use", "learning=1", "--json")[1]
    )
    assert not mine & {row["id"] for row in again["selection"]}
    assert "left out: gold, or in earlier batches" in " ".join(again["notes"])


NO_RULE = {f"z{i:02}": "thanks" for i in range(20)}


def test_figures_alone_are_an_audit(project, call):
    assert call("gold", "status")[0] in (0, 3)
    code, _, err = call("select", "may", "--budget", "30", "--use", "audit")
    assert code == 1 and "weaklabel audit draw may --size 30" in err


def test_embeddings_stand_for_texts(project, call):
    code, out, _ = call(
        "select", "may", "--budget", "10", "--use", "coverage", "--embeddings", "vector", "--dry-run"
    )
    assert code == 0 and "10 rows of 420" in out
    code, _, err = call("select", "may", "--budget", "10", "--embeddings", "vectors")
    assert code == 1 and "no column 'vectors'" in err and "vector" in err


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("--use", "learn=1"), 1, "there is no use 'learn'"),
        (("--use", "learning=much"), 2, "a use and its share"),
        (("--rare", "spam", "--use", "rare"), 1, "there is no class 'spam'"),
        (("--run", "r1"), 1, "no run 'r1'"),
    ],
)
def test_what_is_wrong_is_said(project, call, words, code, said):
    found = call("select", "may", "--budget", "10", *words)
    assert found[0] == code and said in found[2]
    assert "Traceback" not in found[2]


def test_without_a_run(tmp_path, monkeypatch, call):
    project = make_project(tmp_path / "desk")
    monkeypatch.chdir(project)
    for name, verb in select.VERBS.items():
        monkeypatch.setitem(cli.VERBS, name, verb)
    code, _, err = call("check-labels", "channel")
    assert code == 1 and "weaklabel run task=first" in err
    assert call("similar", "--id", "m000")[0] == 0


def test_doubtful_labels_are_found_and_sent(project, call):
    assert call("gold", "status")[0] in (0, 3)
    code, out, err = call("check-labels", "legacy", "--send", "doubts", "--most", "15", "--json")
    assert code == 0, err
    found = json.loads(out)
    doubts = {row["id"]: row for row in found["doubts"]}
    missing = {id for id, row in doubts.items() if row["kind"] == "missing"}
    assert missing == {f"m{i:03}" for i in range(7, 400, 100)}
    # where rules and labels differ, here rules are wrong: that is for people to see
    assert all(truth()[id] == row["given"] for id, row in doubts.items() if row["kind"] == "wrong")
    assert found["recorded"] and found["silent"] == 20
    rows = pl.read_parquet(project / ".weaklabel/batches/doubts/rows.parquet")
    assert rows.height == 15
    code, _, err = call("check-labels", "channel")
    assert code == 1 and "no label of this task" in err
    code, _, err = call("check-labels", "legacies")
    assert code == 1 and "legacy" in err


def test_people_get_the_existing_label_as_the_suggestion(project, call, tmp_path):
    assert call("gold", "status")[0] in (0, 3)
    assert call("check-labels", "legacy", "--send", "doubts", "gold.blind=0")[0] == 0
    assert call("batch", "export", "doubts", "table", tmp_path / "out")[0] == 0
    tables = pl.concat([pl.read_csv(p, infer_schema=False) for p in sorted((tmp_path / "out").glob("*.csv"))])
    shown = tables.filter(pl.col("weaklabel_suggestion").fill_null("") != "")
    assert shown.height
    assert all(
        json.loads(label) == [truth()[id]]
        for id, label in shown.select("weaklabel_id", "weaklabel_suggestion").iter_rows()
    )


def test_nothing_doubtful_is_nothing_to_do(project, call):
    notes = project / "labeling_functions/first/sample/notes.jsonl"
    labels = pl.read_parquet(sorted(project.glob(".weaklabel/runs/*/labels.parquet"))[-1])
    known = dict(labels.select("id", "label").iter_rows())
    lines = [json.loads(line) for line in notes.read_text().splitlines()]
    notes.write_text("".join(json.dumps(n | {"legacy": known[n["id"]] or "thanks"}) + "\n" for n in lines))
    code, out, _ = call("check-labels", "legacy")
    assert code == 3 and "none is doubtful" in out


def test_similar_rows_and_why(project, call):
    code, out, _ = call("similar", "--id", "m100", "--most", "3", "--json")
    found = json.loads(out)["similar"]
    assert code == 0 and len(found) == 3
    assert all("broken" in one["text"] for one in found)
    assert found[0]["words"][0][1] > 0
    code, out, _ = call("similar", "--id", "m001", "--embeddings", "vector", "--most", "2")
    assert code == 0 and "1.00" in out and "both with" in out
    assert call("similar", "--id", "z00", "--embeddings", "vector")[0] == 3
    code, _, err = call("similar", "--id", "m1")
    assert code == 1 and "there is no row 'm1'" in err
