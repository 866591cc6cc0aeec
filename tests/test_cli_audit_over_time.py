"""`audit represents` and `audit due`, on a project whose labels are right in 95 % of rows."""

import json
import shutil

import polars as pl
import pytest

from audit_project import make_project
from weaklabel.cli import main
from weaklabel.pipeline.audits.rows import find_run


@pytest.fixture(scope="module")
def labeled(tmp_path_factory):
    project = make_project(tmp_path_factory.mktemp("over_time") / "desk")
    assert main(["run", "plots=false", "--project", str(project)]) == 0
    return project


@pytest.fixture
def project(labeled, tmp_path, monkeypatch):
    folder = tmp_path / "desk"
    shutil.copytree(labeled, folder)
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def call(capsys):
    def run(*words):
        code = main([str(word) for word in words])
        out, err = capsys.readouterr()
        return code, out, err

    return run


def test_accepted_labels_stand_for_the_corpus_or_not_for_what_comes_in(project, call):
    code, out, _ = call("audit", "represents", "--by", "channel", "--json")
    found = json.loads(out)
    assert found["of"] == "all 400 rows of the corpus"
    # all wrong labels are of mail; what is accepted is the same everywhere
    alarms = {(gap["kind"], gap["column"]) for gap in found["gaps"] if gap["alarm"]}
    assert code == 4 and alarms == {("errors", "channel")}
    assert {gap["kind"] for gap in found["gaps"]} == {"accepted", "errors"}
    assert {gap["column"] for gap in found["gaps"]} == {"channel", "slice short"}
    assert found["accuracy"]["n"] == 400 and found["accuracy"]["value"] == pytest.approx(0.95)
    # what comes in is mail, of which the corpus holds a quarter
    rows = pl.DataFrame({"channel": ["mail"] * 180 + ["desk"] * 20, "text": ["a long enough text"] * 200})
    rows.write_csv("today.csv")
    code, out, _ = call(
        "audit", "represents", "--by", "channel", "--incoming", "today.csv", "--weights", "out/w.csv"
    )
    assert code == 4 and "channel = 'mail' is 25.0 % of 400 accepted rows and 90.0 % of the 200 others" in out
    assert "with the mix of the 200 rows of today.csv" in out
    weights = pl.read_csv("out/w.csv").join(
        pl.read_ndjson("labeling_functions/first/sample/notes.jsonl").select("id", "channel"), on="id"
    )
    by = dict(weights.group_by("channel").agg(pl.col("weight").sum()).iter_rows())
    assert by["mail"] / (by["mail"] + by["desk"]) == pytest.approx(0.9)
    code, _, err = call("audit", "represents", "--by", "chanel")
    assert (
        code == 1 and "the corpus has no column 'chanel'" in err and "did you mean 'channel'" in err.lower()
    )
    rows.drop("channel").write_csv("today.csv")
    code, _, err = call("audit", "represents", "--by", "channel", "--incoming", "today.csv")
    assert code == 1 and "there is no column 'channel'" in err


def test_rows_that_a_certificate_accepts_are_compared(project, call):
    code, _, err = call("audit", "represents", "--by", "channel", "--audit", "safe")
    assert code == 1 and "audit 'safe' has no certificate" in err
    folder = project / ".weaklabel" / "audits" / "safe"
    folder.mkdir(parents=True)
    run = find_run(project, "first").name
    (folder / "plan.json").write_text(json.dumps({"source": {"run": run}}))
    (folder / "certificate.json").write_text("{}")
    mail = [f"m{i:03}" for i in range(0, 400, 4)]
    pl.DataFrame({"id": mail, "accepted": [True] * 100}).write_parquet(folder / "accepted.parquet")
    code, out, _ = call("audit", "represents", "--by", "channel", "--by", "label", "--audit", "safe")
    assert code == 4 and "100 rows, accepted by the certificate of audit safe" in out
    assert "75.0 % of the rows lie where nothing was accepted: no weight speaks for them" in out
    code, _, err = call("audit", "represents", "--by", "channel", "--audit", "safe", "--run", "other")
    assert code == 1 and f"is of run {run}, not other" in err


def test_checks_of_new_labels_on_a_stated_cadence(project, call):
    cadence = ("audit.check_days=7", "audit.check_share=0.1", "audit.check_least=30")
    code, out, _ = call("audit", "due", *cadence, "task.today=2026-03-01")
    assert code == 0 and "400 labels that were never checked; a check takes 40 of them" in out
    code, out, err = call("audit", "due", "--draw", *cadence, "task.today=2026-03-01")
    assert code == 0 and "audit check-2026-03-01 (figures" in out and "due" in err
    drawn = pl.read_parquet(project / ".weaklabel/audits/check-2026-03-01/draw.parquet")
    assert drawn.height == 40 and drawn["inclusion"].unique().to_list() == [0.1]
    code, out, _ = call("audit", "due", *cadence, "task.today=2026-03-02", "--json")
    found = json.loads(out)
    assert code == 3 and found["on"] == "2026-03-08" and not found["ready"] and found["open"]
    code, out, _ = call("audit", "due", "--draw", *cadence, "task.today=2026-03-09")
    assert code == 3 and "1 day ago" in out and "0 labels that no check was drawn from" in out
    # later, another system's labels: only those that are new or have changed are drawn from
    known = pl.read_parquet(project / ".weaklabel/audits/check-2026-03-01/population.parquet")
    labels = ["thanks" if n < 60 else label for n, label in enumerate(known["label"])]
    changed = sum(a != b for a, b in zip(labels, known["label"], strict=True))
    said = pl.DataFrame({"id": known["id"], "label": labels, "time": ["2026-03-08"] * known.height})
    said.write_csv("said.csv")
    code, out, _ = call(
        "audit", "due", "--draw", "--predictions", "said.csv", *cadence, "task.today=2026-03-09", "--json"
    )
    found = json.loads(out)
    assert code == 0 and found["new"] == changed and found["drawn"]["rows"] == 30
    assert any("an earlier check was drawn from them" in note for note in found["drawn"]["notes"])
    plan = json.loads((project / ".weaklabel/audits/check-2026-03-09/plan.json").read_text())
    assert plan["options"]["every"] == "week" and "after" not in plan["options"]
    code, _, err = call("audit", "due", "audit.check_least=5", "audit.check_days=0", "audit.check_share=2")
    assert code == 1 and "audit.check_least is 5; 20 or more is wanted" in err
    assert "audit.check_days is 0" in err and "audit.check_share is 2" in err
