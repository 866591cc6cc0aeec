"""Label and pattern tables in an object store: the same answers as in a folder, and the same errors."""

import os

import polars as pl
import pytest

from label_tables import SCHEMA, commit, content, rows
from object_store import CREDENTIALS, server
from weaklabel.label_matrix import LabelMatrix
from weaklabel.store.label_table import (
    ConflictError,
    LabelTable,
    TableError,
    link_label_file,
    read_label_file,
    write_label_file,
)
from weaklabel.store.pattern_table import PatternTable


@pytest.fixture(scope="module")
def storage():
    with pytest.MonkeyPatch.context() as patch:
        for name, value in CREDENTIALS.items():
            patch.setenv(name, value)
        with server() as options:
            yield options


def test_versions_conflicts_and_time_travel(storage):
    root = "s3://desk/labels/sms"
    table = LabelTable(root, storage=storage)
    assert table.version() is None and table.log() == []
    with pytest.raises(TableError, match="there is no label table yet"):
        table.scan()
    assert commit(table, [rows(["a", "b"]), rows(["c"])], run_id="r1") == 0
    assert commit(table, [rows(["a"], "ham")], run_id="r2") == 1
    assert sorted(content(table, 0)) == ["a", "b", "c"] and list(content(table)) == ["a"]
    file = write_label_file(root, "mine/p.parquet", rows(["z"]), storage=storage)
    for expected, told in ((0, r"version 1 \(relabel of run r2"), (None, r"version 0 \(relabel of run r1")):
        with pytest.raises(ConflictError, match=told):
            table.commit([file], schema=SCHEMA, expected=expected, metadata={})
    assert table.restore(0) == 2 and content(table) == content(table, 0)
    assert [(v.version, v.kind, v.run_id, v.rows) for v in table.log()] == [
        (0, "relabel", "r1", 3),
        (1, "relabel", "r2", 1),
        (2, "restore", "r1", 3),
    ]
    assert table.differences(1, 2)["id"].to_list() == ["a", "b", "c"]
    change = pl.DataFrame({"id": ["b"], "status": ["tie"], "label": pl.Series([None], dtype=pl.String)})
    assert table.change_status(change, expected=2, metadata={}) == 3
    assert table.rows_of(["b"])["status"].to_list() == ["tie"]
    assert table.vacuum(hours=0) == ["0000/part-00000.parquet", "0001/part-00000.parquet"]
    assert table.without_ids(["a"], metadata={}) == 4
    assert sorted(content(table)) == ["b", "c"] and table.holding(["a"]) == []
    with pytest.raises(TableError, match="version 0 can't be read any more"):
        table.scan(0)
    assert pl.scan_delta(root, storage_options=storage).collect()["id"].sort().to_list() == ["b", "c"]


def test_a_version_at_the_last_moment_is_not_overwritten(storage, monkeypatch):
    """Two commits of one version meet in the store itself, where only one can be put."""
    from weaklabel.store import table_commits

    table = LabelTable("s3://desk/labels/late", storage=storage)
    commit(table, [rows(["a"])])
    mine, theirs = (
        write_label_file(table.root, f"{name}.parquet", rows([name]), storage=storage)
        for name in ("mine", "theirs")
    )
    look, looks = table_commits.refuse_newer, []

    def late(place, version):
        look(place, version)
        looks.append(version)
        if len(looks) == 2:
            monkeypatch.setattr(table_commits, "refuse_newer", look)
            table.commit([theirs], schema=SCHEMA, expected=0, metadata={"run_id": "theirs"})

    monkeypatch.setattr(table_commits, "refuse_newer", late)
    with pytest.raises(ConflictError, match="of run theirs"):
        table.commit([mine], schema=SCHEMA, expected=0, metadata={})
    assert list(content(table)) == ["theirs"] and table.version() == 1


def test_data_files(storage, tmp_path):
    root = "s3://desk/files"
    here = write_label_file(tmp_path, "a/p.parquet", rows(["a", "b"]))
    there = write_label_file(root, "a/p.parquet", rows(["a", "b"]), storage=storage)
    assert here == there == read_label_file(root, "a/p.parquet", storage=storage)
    assert read_label_file(root, "b/p.parquet", storage=storage) is None
    assert link_label_file(root, "a/p.parquet", "b/p.parquet", storage=storage).digest == here.digest
    assert read_label_file(root, "b/p.parquet", storage=storage).rows == 2


def test_patterns(storage):
    table = PatternTable("s3://desk/labels/sms-patterns", storage=storage)
    found = LabelMatrix.from_numpy([[0, 1], [1, 1]], labelers=["a", "b"]).patterns()
    assert (table.version(), table.add(found), table.add(found), table.version()) == (None, 2, 0, 0)
    assert table.votes_of(found.keys)["lfs"].to_list() == [["a", "b"], ["a", "b"]]


def test_credentials_come_from_the_environment_alone(storage):
    table = LabelTable("s3://desk/labels/keys", storage=storage)
    commit(table, [rows(["a"])])
    log = table.place.read("_delta_log/00000000000000000000.json")
    assert os.environ["AWS_SECRET_ACCESS_KEY"].encode() not in log
    assert CREDENTIALS["AWS_ACCESS_KEY_ID"].encode() not in log


def test_a_store_that_does_not_answer_is_said_so():
    nowhere = {"aws_endpoint_url": "http://127.0.0.1:9", "aws_allow_http": "true", "aws_region": "x"}
    quick = {"max_retries": "0", "retry_timeout": "1s", "connect_timeout": "1s", **nowhere}
    with pytest.MonkeyPatch.context() as patch:
        for name, value in CREDENTIALS.items():
            patch.setenv(name, value)
        with pytest.raises(TableError, match="can't look at the table: ") as caught:
            LabelTable("s3://desk/labels", storage=quick).version()
    assert caught.value.where == "s3://desk/labels" and "\x1b" not in caught.value.what
