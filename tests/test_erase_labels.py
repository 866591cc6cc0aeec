"""`weaklabel erase` and the label table: the id leaves every byte of it, and of the working files of relabelings."""

import json

import pytest

from label_tables import commit, content, rows
from weaklabel.config import load
from weaklabel.pipeline.erasing.erase import Wanted, erase
from weaklabel.pipeline.label_places import open_label_table, working_files
from weaklabel.templates import write_project

ID = "zwitscherkanarie-17"


@pytest.fixture
def project(tmp_path):
    return write_project(tmp_path / "desk")


def found(project, *, really=False, kind="item", words=()):
    wanted = Wanted(load(project, list(words)), project, kind, ID, "asked for by the sender")
    return {one.store: one for one in erase(wanted, really=really)}


def test_an_item_leaves_all_versions_and_the_working_files(project):
    table = open_label_table(load(project), project)
    commit(table, [rows(["a", ID]), rows(["b"])], run_id="r1")
    commit(table, [rows(["a", ID], "ham"), rows(["b"])], run_id="r2")
    working = working_files(load(project), project)
    (working / "0a1b" / "labels").mkdir(parents=True)
    (working / "0a1b" / "labels" / "part-00000.json").write_text(json.dumps({"last_id": ID}))
    (working / "verdicts.jsonl").write_text('{"verdict": "new"}\n')

    told = found(project)
    assert told["labels"].count == 2 and "; versions 0, 1 have to go with them" in told["labels"].what
    assert "go whole" in told["relabel"].what and told["relabel"].left == ()
    assert table.version() == 1 and (working / "0a1b").exists()

    told = found(project, really=True)
    assert told["labels"].count == 2
    assert sorted(content(table)) == ["a", "b"] and table.readable() == {2}
    assert table.metadata()["reason"] == "asked for by the sender"
    assert sorted(path.name for path in working.iterdir()) == ["verdicts.jsonl"]
    for path in (project / ".weaklabel").rglob("*"):
        if path.is_file() and path.parent.name != "gold":
            assert ID.encode() not in path.read_bytes(), path

    told = found(project)
    assert (told["labels"].count, told["labels"].what) == (0, "not in the label table")
    assert told["relabel"].what == "no working files" and told["elsewhere"].left == ()


def test_files_of_work_that_was_never_committed_go_too(project):
    from weaklabel.store.label_table import write_label_file

    table = open_label_table(load(project), project)
    write_label_file(table.root, "dead/part-00000.parquet", rows([ID]))
    assert found(project)["labels"].count == 1
    found(project, really=True)
    assert table.holding([ID]) == [] and table.version() is None


def test_verdicts_that_name_it_are_told(project):
    working = working_files(load(project), project)
    working.mkdir(parents=True)
    (working / "verdicts.jsonl").write_text(json.dumps({"row": ID}) + "\n")
    assert found(project)["relabel"].left == ("relabel/first/verdicts.jsonl may name it: look at it",)


def test_people_are_not_in_label_tables(project):
    told = found(project, kind="annotator")
    assert (told["labels"].count, told["relabel"].count) == (0, 0)


def test_a_store_that_does_not_answer_is_left_for_later(project, monkeypatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "nobody")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "nothing")
    storage = "{aws_endpoint_url: 'http://127.0.0.1:9', aws_allow_http: 'true', aws_region: x, max_retries: '0', retry_timeout: 1s}"
    told = found(project, words=["relabel.table=s3://desk/labels", f"storage={storage}"])["labels"]
    assert told.count == 0 and told.what == "could not be erased"
    (left,) = told.left
    assert left.startswith("s3://desk/labels: can't look at the table") and left.endswith("; erase once more")
