"""`weaklabel labels log | show | restore | vacuum`: what is said, as text and as JSON, and the exit codes."""

import json
import os
import time

import pytest

from label_tables import commit, content, rows
from weaklabel import cli
from weaklabel.config import load
from weaklabel.pipeline.label_places import (
    jobs_that_go_on,
    models_folder,
    open_label_table,
    open_pattern_table,
    working_files,
)
from weaklabel.store.label_table import write_label_file
from weaklabel.templates import write_project


@pytest.fixture
def project(tmp_path, monkeypatch):
    folder = write_project(tmp_path / "desk")
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def table(project):
    """A table of two versions: ten rows that are spam, then twelve that are ham."""
    table = open_label_table(load(project), project)
    changed = json.dumps({"rules": {"new": ["has_link"], "gone": []}, "gold": True, "model": False})
    commit(table, [rows([f"m{i}" for i in range(10)])], run_id="r1", model="0123456789abcdef")
    commit(
        table,
        [rows([f"m{i}" for i in range(12)], "ham"), rows(["u"], status="uncovered")],
        run_id="r2",
        changed=changed,
    )
    return table


def call(capsys, *words):
    code = cli.main(("labels", *words))
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def as_json(capsys, *words):
    code, out, _ = call(capsys, *words, "--json")
    return code, json.loads(out)


@pytest.mark.parametrize("words", [["log"], ["show"], ["restore", "--version", "0"], ["vacuum"]])
def test_without_a_table_it_says_how_to_make_one(capsys, project, words):
    code, out, err = call(capsys, *words)
    assert (code, out) == (cli.INPUT, "")
    assert "there is no label table yet" in err and "weaklabel relabel makes it" in err


def test_log_shows_what_changed_newest_first(capsys, table):
    code, out, _ = call(capsys, "log")
    assert code == cli.DONE
    head, *lines = [line.split() for line in out.splitlines()]
    assert head[:3] == ["version", "time", "(UTC)"]
    assert [line[0] for line in lines if line[0].isdigit()] == ["1", "0"]
    assert "rules: new: has_link; gold" in " ".join(out.split()) and "92.3 %" in out and "0123456789ab" in out
    code, found = as_json(capsys, "log", "--limit", "1")
    assert (code, [v["version"] for v in found]) == (cli.DONE, [1])
    assert (found[0]["rows"], found[0]["files"], found[0]["kind"], found[0]["readable"]) == (
        13,
        2,
        "relabel",
        True,
    )
    assert found[0]["metadata"]["run_id"] == "r2" and found[0]["time"].endswith("+00:00")


def test_show_tells_of_a_version_and_its_rows(capsys, table):
    code, out, _ = call(capsys, "show", "--limit", "2")
    assert code == cli.DONE
    assert "version 1 of" in out and "by run r2, 13 rows" in out
    assert "statuses: labeled 12, uncovered 1" in out and "labels: ham 12" in out
    assert "m1 " in out and "m2 " not in out and "spam 0.750" in out
    code, found = as_json(capsys, "show", "--version", "v0", "--id", "m3", "--id", "u")
    assert (code, found["version"], found["missing"]) == (cli.DONE, 0, ["u"])
    (row,) = found["rows"]
    assert (row["id"], row["label"], row["probabilities"]) == ("m3", "spam", {"ham": 0.25, "spam": 0.75})
    code, out, err = call(capsys, "show", "--id", "nobody")
    assert code == cli.NOTHING and "version 1 has no row 'nobody'" in err
    assert as_json(capsys, "show", "--id", "u")[1]["rows"][0]["probabilities"] is None


def test_wrong_versions_and_numbers(capsys, table):
    code, _, err = call(capsys, "show", "--version", "7")
    assert code == cli.INPUT and "there is no version 7" in err and "available: 0 to 1" in err
    for words in (
        ["show", "--version", "x"],
        ["show", "--limit", "-1"],
        ["vacuum", "--hours", "-1"],
        ["restore"],
    ):
        assert call(capsys, *words)[0] == cli.USAGE


def test_restore_says_how_many_labels_change(capsys, table):
    code, out, _ = call(capsys, "restore", "--version", "0")
    assert code == cli.DONE
    assert "version 2 holds the labels of version 0: 10 labels and 0 statuses differ from version 1" in out
    assert "0 rows are back and 3 are gone" in out
    assert content(table) == content(table, 0)
    code, found = as_json(capsys, "restore", "--version", "0")
    assert (code, found) == (cli.NOTHING, {"version": 2, "restored": None})
    code, found = as_json(capsys, "restore", "--version", "1")
    assert (code, found["version"], found["labels_changed"], found["rows_back"]) == (cli.DONE, 3, 10, 3)
    assert "restored: 1" in call(capsys, "log")[1]


def test_vacuum_says_what_goes_before_it_goes(capsys, table, project):
    code, out, _ = call(capsys, "vacuum", "--dry-run")
    assert code == cli.NOTHING and out.startswith("0 data files")
    code, found = as_json(capsys, "vacuum", "--hours", "0", "--dry-run")
    assert (code, found["deleted"], found["versions_lost"]) == (cli.DONE, ["0000/part-00000.parquet"], [0])
    assert found["bytes"] > 0 and table.readable() == {0, 1}
    code, out, _ = call(capsys, "vacuum", "--hours", "0")
    assert (
        code == cli.DONE
        and "1 data files" in out
        and "version 0 can't be read any more; version 1 stands" in out
    )
    assert table.readable() == {1}
    assert "its files were deleted" in " ".join(call(capsys, "log")[1].split())
    for words in (["show", "--version", "0"], ["restore", "--version", "0"]):
        code, _, err = call(capsys, *words)
        assert code == cli.INPUT and "version 0 can't be read any more" in err and "available: 1" in err


def test_vacuum_leaves_work_that_goes_on(capsys, table, project):
    config = load(project)
    for job in ("0ld", "n3w"):
        write_label_file(table.root, f"{job}/part-00000.parquet", rows(["x"]))
        (working_files(config, project) / job / "labels").mkdir(parents=True)
    past = time.time() - 5 * 3600
    for path in [
        *(working_files(config, project) / "0ld").rglob("*"),
        working_files(config, project) / "0ld",
    ]:
        os.utime(path, (past, past))
    for job in ("0ld", "n3w"):
        os.utime(table.place.url(f"{job}/part-00000.parquet"), (past, past))
    assert jobs_that_go_on(config, project, hours=4) == {"n3w"}
    assert jobs_that_go_on(config, project, hours=6) == {"0ld", "n3w"}
    assert as_json(capsys, "vacuum", "--hours", "6")[1]["deleted"] == []
    assert as_json(capsys, "vacuum", "--hours", "4")[1]["deleted"] == ["0ld/part-00000.parquet"]


def test_places_of_a_task(project):
    config = load(project)
    home = project / ".weaklabel"
    assert open_label_table(config, project).root == str(home / "labels" / "first")
    assert open_pattern_table(config, project).root == str(home / "patterns" / "first")
    assert working_files(config, project) == home / "relabel" / "first"
    assert models_folder(config, project) == home / "models" / "first"
    config = load(project, ["relabel.table=s3://desk/labels/"])
    assert open_label_table(config, project).root == "s3://desk/labels"
    assert open_pattern_table(config, project).root == "s3://desk/labels-patterns"
    config = load(project, ["relabel.table=out"])
    assert open_pattern_table(config, project).root == str(project / "out-patterns")
