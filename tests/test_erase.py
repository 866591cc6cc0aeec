"""`weaklabel erase`: every store is walked, what is erased is gone from the bytes, and the rest stays as it is."""

import datetime
import json

import polars as pl
import pytest
import yaml

from weaklabel import LabelMatrix, cli, pipeline, tracking
from weaklabel.config import load
from weaklabel.errors import GoldError
from weaklabel.fingerprint import file_digest
from weaklabel.gold.ledger.records import KINDS
from weaklabel.pipeline.desk.room import open_desk
from weaklabel.pipeline.erasing import erase as erasing
from weaklabel.pipeline.erasing import files as erase_files
from weaklabel.runs import HOME
from weaklabel.templates import write_project
from weaklabel.tracking import logged_runs

DAY = f"{datetime.datetime.now(datetime.UTC):%Y-%m}"
WHY = "asked for by the sender"
SECRET = "zwitscherkanarie"
GUIDE = """Version 1.

# question

<!-- examples: question -->
<!-- end -->

# complaint
# thanks
"""


@pytest.fixture
def project(tmp_path, monkeypatch):
    folder = write_project(tmp_path / "desk")
    monkeypatch.chdir(folder)
    notes = folder / "labeling_functions" / "first" / "sample" / "notes.jsonl"
    with notes.open("a") as more:
        more.write(f'{{"id": "s1", "text": "Is {SECRET} here? {SECRET}@example.org, desk@example.org"}}\n')
        more.write('{"id": "s2", "text": "Where is the desk? desk@example.org"}\n')
        more.write('{"id": "s3", "text": "Where is the desk?"}\n')
    (folder / "guide.md").write_text(GUIDE)
    with (folder / "conf" / "task" / "first.yaml").open("a") as conf:
        conf.write("guideline: guide.md\n")
    with (folder / "conf" / "config.yaml").open("a") as conf:
        conf.write("gold:\n  people: {ann: 1, bob: 1, cid: 1}\n")
    return folder


def call(capsys, *words):
    code = cli.main(words)
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def desk(project):
    return open_desk(load(project), project)


def label(project):
    config = load(project, ["tracking=none", "plots=false", "export.formats=[csv,jsonl]"])
    return pipeline.run(config, project=project).folder


def batch(project, tmp_path):
    """Send all three new notes to people, and have ann's answers back."""
    opened = desk(project)
    opened.room.create_batch("b1", pl.DataFrame({"id": ["s1", "s2", "s3"]}), size=3)
    opened.export("b1", "table", tmp_path / "out")
    asked = opened.room.ledger.records("assignment").filter(pl.col("annotator") == "ann")
    said = asked.select("item", "annotator", "batch").with_columns(
        kind=pl.lit("label"), labels=pl.lit(["question"])
    )
    opened.room.add(said)


def erase(capsys, *words):
    return call(capsys, "erase", "--reason", WHY, *words)


def bytes_of(folder, needle):
    """Return the files that hold a text; the corpus and exports are people's own."""
    return sorted(
        path.relative_to(folder).as_posix()
        for path in (folder / HOME).rglob("*")
        if path.is_file() and needle.encode() in path.read_bytes()
    )


# ---- runs ----


def test_labels_and_votes_lose_the_row_and_nothing_else(project, capsys):
    folder = label(project)
    before = pl.read_parquet(folder / "labels.parquet")
    votes = LabelMatrix.scan(folder / "votes")
    csv = (folder / "labels.csv").read_bytes().splitlines(keepends=True)
    lines = (folder / "labels.jsonl").read_bytes().splitlines(keepends=True)
    at = before["id"].to_list().index("s2")
    code, out, _ = erase(capsys, "--id", "s2", "--yes")
    assert code == cli.DONE and f"its row in 1 runs: {folder.name}" in out
    assert pl.read_parquet(folder / "labels.parquet").equals(before.filter(pl.col("id") != "s2"))
    assert (folder / "labels.csv").read_bytes() == b"".join(csv[: at + 1] + csv[at + 2 :])
    assert (folder / "labels.jsonl").read_bytes() == b"".join(lines[:at] + lines[at + 1 :])
    after = LabelMatrix.scan(folder / "votes")
    assert after.labelers == votes.labelers
    assert list(after.ids) == [one for one in votes.ids if one != "s2"]
    kept = [row for one, row in zip(votes.ids, votes.to_numpy().tolist(), strict=True) if one != "s2"]
    assert after.to_numpy().tolist() == kept


def test_the_manifest_says_so_and_its_digests_hold(project, capsys):
    folder = label(project)
    erase(capsys, "--id", "s2", "--yes")
    erase(capsys, "--id", "s3", "--yes")
    manifest = json.loads((folder / "manifest.json").read_text())
    assert len(manifest["erased"]) == 1 and manifest["erased"][0].startswith(f"ended by erasure on {DAY}")
    assert "s2" not in json.dumps(manifest)
    assert manifest["files"] == {
        name: file_digest(folder / name) for name in ("labels.parquet", "labels.csv", "labels.jsonl")
    }


def test_runs_without_the_row_or_of_another_task_stay(project, capsys):
    folder = label(project)
    text = (folder / "config.yaml").read_text()
    (folder / "config.yaml").write_text(text.replace("name: first", "name: second"))
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    code, out, err = erase(capsys, "--id", "s2", "--yes")
    assert code == cli.NOTHING and "in no run" in out and "a tombstone refuses it from now on" in err
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before


def test_ids_with_quotes_and_line_ends(project, tmp_path):
    path = tmp_path / "labels.csv"
    ids = ['a"b', "c,d", "e\nf", "e"]
    pl.DataFrame({"id": ids, "label": ["x", 'y "z"', "1\r\n2", "w"]}).write_csv(path)
    for id in ids:
        assert erase_files.holds(path, id)
    assert not erase_files.holds(path, "f")
    before = path.read_bytes()
    erase_files.without_row(path, "e\nf")
    assert path.read_bytes() == before.replace(b'"e\nf","1\r\n2"\n', b"")
    assert pl.read_csv(path)["id"].to_list() == ['a"b', "c,d", "e"]


# ---- the whole ----


def test_an_item_is_gone_from_every_store(project, tmp_path, capsys):
    batch(project, tmp_path)
    label(project)
    reports = project / HOME / "reports"
    reports.mkdir()
    (reports / "rules-first.html").write_text(
        f"<p>Is <mark>{SECRET}</mark> here? {SECRET}@exam&#112;le.org</p>"
    )
    (reports / "rules-other.html").write_text("<p>s10 and Where is the desk?</p>")
    assert bytes_of(project, SECRET) != []
    code, out, _ = erase(capsys, "--id", "s1", "--yes", "--json")
    found = {one["store"]: one["count"] for one in json.loads(out)["stores"]}
    assert code == cli.DONE
    assert found == {
        "guideline": 0, "placeholders": 1, "runs": 1, "sweeps": 0, "labels": 0, "relabel": 0, "mlflow": 0, "audits": 0, "reports": 1, "cache": 0,
        "elsewhere": 0, "sources": 0,
        "ledger": 1 + 1 + 3,  # ann's answer; the draw; three people were asked
    }  # fmt: skip
    assert bytes_of(project, SECRET) == []
    assert bytes_of(project, '"s1"') == [] and bytes_of(project, "s1,") == []
    assert not (project / HOME / "cache").exists()
    assert (reports / "rules-other.html").exists()
    with pytest.raises(GoldError, match="item 's1' was erased on"):
        desk(project).room.ledger.record(
            "queue", pl.DataFrame({"item": ["s1"], "why": ["x"], "state": ["open"]}), task="first"
        )


def test_placeholders_that_others_need_stay(project, tmp_path, capsys):
    batch(project, tmp_path)
    path = project / HOME / "gold" / "b1" / "placeholders.json"
    assert sorted(json.loads(path.read_text()).values()) == ["desk@example.org", f"{SECRET}@example.org"]
    erase(capsys, "--id", "s1", "--yes")
    assert list(json.loads(path.read_text()).values()) == ["desk@example.org"]
    erase(capsys, "--id", "s2", "--yes")
    assert json.loads(path.read_text()) == {}


def test_an_item_that_the_corpus_lost_keeps_no_placeholder(project, tmp_path, capsys):
    batch(project, tmp_path)
    notes = project / "labeling_functions" / "first" / "sample" / "notes.jsonl"
    notes.write_text("".join(line for line in notes.read_text().splitlines(True) if '"s1"' not in line))
    erase(capsys, "--id", "s1", "--yes")
    path = project / HOME / "gold" / "b1" / "placeholders.json"
    assert list(json.loads(path.read_text()).values()) == ["desk@example.org"]


def test_nothing_goes_without_yes(project, tmp_path, capsys):
    batch(project, tmp_path)
    label(project)
    before = {path: path.read_bytes() for path in (project / HOME / "runs").rglob("*") if path.is_file()}
    answers = desk(project).room.ledger.answers().height
    code, out, err = erase(capsys, "--id", "s1")
    assert code == cli.USAGE and "nothing is erased without --yes" in err
    assert "1 answers and 4 records" in out
    assert {path: path.read_bytes() for path in before} == before
    ledger = desk(project).room.ledger
    assert ledger.answers().height == answers and not ledger.tombstones().height
    assert (project / HOME / "cache").is_dir()


def test_what_was_shown_is_counted_as_what_was_erased(project, tmp_path, capsys):
    batch(project, tmp_path)
    shown = json.loads(erase(capsys, "--id", "s2", "--json")[1])
    done = json.loads(erase(capsys, "--id", "s2", "--json", "--yes")[1])
    assert shown["stores"] == done["stores"] and (shown["erased"], done["erased"]) == (False, True)


def test_an_annotator_is_erased_from_all_tasks(project, tmp_path, capsys):
    batch(project, tmp_path)
    said = pl.DataFrame({"item": ["x"], "annotator": ["ann"], "kind": ["skip"], "labels": [[]]})
    desk(project).room.ledger.add(said, task="second")
    code, out, _ = erase(capsys, "--annotator", "ann", "--yes")
    ledger = desk(project).room.ledger
    assert code == cli.DONE and "4 answers and 3 records" in out
    assert "conf names the annotator in gold.people: take the name out" in out
    assert ledger.answers().height == 0
    assert sorted(ledger.records("assignment")["annotator"].unique()) == ["bob", "cid"]


def test_examples_in_the_guideline_go_and_cases_are_named(project, capsys):
    gold = pl.DataFrame({"item": ["s3", "n01"], "labels": [["question"], ["question"]]})
    desk(project).add_gold(gold.with_columns(role=pl.lit("shown"), origin=pl.lit("expert")))
    call(capsys, "guideline", "build", "--write")
    with (project / "guide.md").open("a") as guide:
        guide.write('\n# Cases\n\n- "Where is the desk?" -> `question`. Reason: it asks.\n')
    line = (project / "guide.md").read_text().count("\n") - 1
    code, out, _ = erase(capsys, "--id", "s3", "--yes")
    text = (project / "guide.md").read_text()
    assert code == cli.DONE and "1 examples in guide.md" in out
    assert text.count("Where is the desk?") == 1 and "large-print" in text
    assert f"! guide.md:{line} quotes it: take it out by hand" in out
    assert "and 1 recorded versions that quote it" in out
    (kept,) = desk(project).room.ledger.records("guideline")["text"]
    assert "Where is the desk?" not in kept and "large-print" in kept
    assert bytes_of(project, "Where is the desk?") == []


def test_a_case_in_a_recorded_version_loses_its_text(project, capsys):
    text = GUIDE + '# Cases\n\n- "Where is the desk?" -> `question`. Reason: it asks.\n'
    row = {"version": "1-x", "label": "1", "text": text, "editorial": []}
    ledger = desk(project).room.ledger
    ledger.record("guideline", pl.DataFrame([row], schema=KINDS["guideline"]), task="first")
    shown = erase(capsys, "--id", "s3")[1]
    code, out, _ = erase(capsys, "--id", "s3", "--yes")
    assert code == cli.DONE and shown == out and "and 1 recorded versions that quote it" in out
    (kept,) = ledger.records("guideline")["text"]
    assert kept == text.replace("Where is the desk?", "(erased)")
    assert ledger.records("guideline")["version"].to_list() == ["1-x"]
    assert bytes_of(project, "Where is the desk?") == []


# ---- words of runs, sweeps and MLflow ----


def store_of(project):
    (project / HOME).mkdir(exist_ok=True)
    return tracking.local_store(project, "first")


def test_an_annotator_leaves_the_configurations_of_runs(project, capsys):
    folder, store = label(project), store_of(project)
    path = folder / "config.yaml"  # runs don't keep names any more; this one stands for those that did
    assert "gold" not in yaml.safe_load(path.read_text())
    path.write_text(path.read_text() + "gold:\n  people: {ann: 1, bob: 1, cid: 1}\n")
    copies = [(folder / name, "") for name in ("config.yaml", "manifest.json")]
    tracking.log_run(
        store, tracking.Record(name="first", parameters={"gold.people.cid": 1.0, "seed": 0}, artifacts=copies)
    )
    assert bytes_of(project, "cid: 1") != []
    code, out, _ = erase(capsys, "--annotator", "cid", "--yes")
    assert code == cli.DONE and f"its name in the configuration of 1 runs: {folder.name}" in out
    assert "1 artifacts of 1 runs" in out
    assert bytes_of(project, "cid: 1") == []
    config = yaml.safe_load((folder / "config.yaml").read_text())
    assert sorted(config["gold"]["people"]) == ["ann", "bob"]
    manifest = json.loads((folder / "manifest.json").read_text())
    assert manifest["erased"][0].startswith(f"ended by erasure on {DAY}")
    with logged_runs(store) as runs:
        (run,) = runs
        (copy,) = (project / HOME / "mlartifacts").glob("*/artifacts/manifest.json")
        assert json.loads(copy.read_text())["erased"] == manifest["erased"]
        (text,) = (project / HOME / "mlartifacts").glob("*/artifacts/config.yaml")
        assert sorted(yaml.safe_load(text.read_text())["gold"]["people"]) == ["ann", "bob"]
        assert (
            f"! MLflow run {run.name} ({run.run_id}) names it in gold.people.cid; MLflow can't change" in out
        )


def test_a_table_of_items_in_mlflow_loses_the_row(project, capsys):
    store = store_of(project)
    table = pl.DataFrame({"item": ["s1", "s2"], "said": ["question", "thanks"]})
    tracking.log_run(store, tracking.Record(name="hard", tables={"gold/hardest.json": table}))
    note = project / "note.txt"
    note.write_text("look at 's17' and 's2'")
    tracking.log_run(store, tracking.Record(name="by hand", artifacts=[(note, "")], tags={"of": "'s2'"}))
    shown = erase(capsys, "--id", "s2")[1]
    code, out, _ = erase(capsys, "--id", "s2", "--yes")
    ours = [[line for line in said.splitlines() if "mlflow" in line.lower()] for said in (shown, out)]
    assert code == cli.DONE and ours[0] == ours[1] and "1 artifacts of 1 runs: hard" in out
    (kept,) = (project / HOME / "mlartifacts").glob("*/artifacts/gold/hardest.json")
    assert json.loads(kept.read_text()) == {"columns": ["item", "said"], "data": [["s1", "question"]]}
    named = [line for line in out.splitlines() if line.startswith("! MLflow run by hand")]
    assert len(named) == 2 and named[0].endswith("): note.txt names it")
    assert "names it in of; MLflow can't change" in named[1]


def test_a_server_that_does_not_answer_is_named(project, capsys, monkeypatch):
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    uri = "tracking.uri=http://127.0.0.1:9"
    code, out, _ = erase(capsys, "--id", "s1", "--yes", uri)
    assert "could not be looked at" in out and "! MLflow at http://127.0.0.1:9:" in out
    assert "erase once more when it answers" in out and code == cli.NOTHING


def test_sweeps_and_other_files_are_looked_through(project, capsys):
    sweep = project / HOME / "sweeps" / "s"
    sweep.mkdir(parents=True)
    (sweep / "job-0001.json").write_text(json.dumps({"of": "m-17", "rows": 12, "why": "without 'm-17'"}))
    (sweep / "words.txt").write_text("task.gold.where=id<>'m-17'")
    (project / HOME / "notes.md").write_text("m-17 is odd; m-171 is not")
    gold = project / HOME / "gold"
    gold.mkdir()
    (gold / "sync.json").write_text(json.dumps({"first /data/watched": {}}))
    code, out, _ = erase(capsys, "--id", "m-17", "--yes")
    assert code == cli.DONE and "1 files of sweeps that name it" in out
    kept = json.loads((sweep / "job-0001.json").read_text())
    assert kept == {"of": "(erased)", "rows": 12, "why": "without '(erased)'"}
    assert "! sweeps/s/words.txt names it" in out and "! notes.md may name it: look at it" in out
    assert "! batches went to first /data/watched: take it out there too" in out


def test_an_item_that_is_called_as_a_label_leaves_the_words_alone(project, capsys):
    folder = label(project)
    before = (folder / "evaluation.json").read_bytes()
    assert b'"question"' in before
    _, out, _ = erase(capsys, "--id", "question", "--yes")
    assert (folder / "evaluation.json").read_bytes() == before
    assert f"! runs/{folder.name}/evaluation.json names it" in out


@pytest.mark.parametrize(
    ("text", "id", "there"),
    [
        ("rows m17, m18", "m17", True), ("rows m171", "m17", False), ("am-17", "m-17", False),
        ("12 rows", "12", False), ("item '12'", "12", True), ('{"id": "12"}', "12", True),
        ("a b", "a", False), ("the `a`", "a", True), ("Straße 7x", "7x", False), ("Straße-7", "Straße-7", True),
    ],
)  # fmt: skip
def test_what_counts_as_naming(text, id, there):
    assert erase_files.mentions(text, id) is there


def test_nothing_found_makes_nothing(project, capsys):
    code, _, err = erase(capsys, "--id", "nobody")
    assert code == cli.NOTHING and "nothing was found" in err
    assert not (project / HOME / "gold").exists()


def test_what_is_needed(project, capsys):
    code, _, err = call(capsys, "erase", "--id", "s1", "--yes")
    assert code == cli.USAGE and "an erasure needs a reason: --reason TEXT" in err
    code, _, err = call(capsys, "erase", "--id", "s1", "--reason", " ", "--yes")
    assert code == cli.INPUT and "an erasure needs a reason" in err
    code, _, err = call(capsys, "erase", "--reason", WHY)
    assert code == cli.USAGE and "--id --annotator --old" in err


# ---- retention ----


def test_old_answers_go_by_the_days_in_conf(project, capsys):
    now = datetime.datetime.now(datetime.UTC)
    said = pl.DataFrame(
        {
            "item": ["s1", "s2"],
            "annotator": ["ann", "ann"],
            "kind": ["skip", "skip"],
            "labels": [[], []],
            "at": [now - datetime.timedelta(days=40), now],
        },
        schema_overrides={"at": pl.Datetime("us", "UTC"), "labels": pl.List(pl.String)},
    )
    desk(project).room.ledger.add(said, task="first")
    code, _, err = call(capsys, "erase", "--old")
    assert code == cli.INPUT and "gold.retention_days is not set" in err
    days = "gold.retention_days=30"
    code, out, err = call(capsys, "erase", "--old", days)
    assert code == cli.USAGE and "1 answers are older than 30 days" in out and "without --yes" in err
    code, out, _ = call(capsys, "erase", "--old", "--yes", days)
    assert code == cli.DONE and "1 answers older than 30 days deleted" in out
    assert desk(project).room.ledger.answers()["item"].to_list() == ["s2"]
    assert call(capsys, "erase", "--old", "--yes", days)[0] == cli.NOTHING


def test_every_store_is_walked_and_the_ledger_last(project):
    names = "guideline placeholders runs sweeps labels relabel mlflow audits reports cache elsewhere sources ledger"
    assert list(erasing.STORES) == names.split()
    wanted = erasing.Wanted(load(project), project, "item", "nobody", WHY)
    assert [found.store for found in erasing.erase(wanted)] == names.split()
    wanted = erasing.Wanted.__dataclass_fields__
    assert {"config", "project", "kind", "id", "reason", "now"} == set(wanted)
