"""The versioned label table: whole versions, conflicts, time travel, changes of status, erasing, and other readers."""

import json
import multiprocessing
import os
import shutil
import time
from datetime import UTC, datetime

import duckdb
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import naive
from label_tables import SCHEMA, commit, contend, content, rows, write_and_wait
from weaklabel.errors import OutputError
from weaklabel.fingerprint import file_digest
from weaklabel.store import table_changes, table_commits
from weaklabel.store.label_table import (
    LABEL_TABLE_COLUMNS,
    ConflictError,
    LabelTable,
    TableError,
    counts_of,
    link_label_file,
    read_label_file,
    write_label_file,
)

CHANGES = {"id": pl.String, "status": pl.String, "label": pl.String}


@pytest.fixture
def table(tmp_path):
    return LabelTable(tmp_path / "labels é [1]")


def changes(*given):
    return pl.DataFrame(list(given), schema=CHANGES, orient="row")


# ---- data files ----


def test_equal_frames_give_equal_bytes(tmp_path):
    frame = rows([f"m{i}" for i in range(3000)])
    frame = pl.concat([frame, rows(["é", "😀", ""], status="uncovered"), rows(["z"], status="tie")])
    chunked = pl.concat([frame[:7], frame[7:1000], frame[1000:]], rechunk=False)
    padded = pl.concat([rows(["before"]), frame, rows(["after"])])[1:-1]
    assert chunked.n_chunks() > 1
    files = [
        write_label_file(tmp_path, f"{i}.parquet", one) for i, one in enumerate((frame, chunked, padded))
    ]
    assert len({file.digest for file in files}) == 1
    assert len({(tmp_path / file.path).read_bytes() for file in files}) == 1
    assert pl.read_parquet(tmp_path / "1.parquet").equals(frame)


def test_a_data_file_says_what_it_holds(tmp_path):
    frame = pl.concat([rows(["b", "a"], "ham"), rows(["é"], status="tie"), rows(["c"], status="uncovered")])
    file = write_label_file(tmp_path, "ab/part-00000.parquet", frame)
    assert (file.path, file.rows, file.first_id, file.last_id) == ("ab/part-00000.parquet", 4, "a", "é")
    assert file.statuses == {"labeled": 2, "tie": 1, "uncovered": 1} and file.labels == {"ham": 2}
    path = tmp_path / file.path
    assert (file.bytes, file.digest) == (path.stat().st_size, file_digest(path))
    assert read_label_file(tmp_path, file.path) == file
    assert list(tmp_path.rglob("*.tmp")) == []
    assert counts_of([file])["statuses"] == {"labeled": 2, "tie": 1, "uncovered": 1}


def test_a_shard_of_no_rows_has_a_file_too(tmp_path):
    file = write_label_file(tmp_path, "a.parquet", rows([]))
    assert (file.rows, file.first_id, file.statuses) == (0, None, {})
    assert read_label_file(tmp_path, "a.parquet") == file


def test_a_file_that_is_not_whole_is_not_there(tmp_path):
    write_label_file(tmp_path, "a.parquet", rows(["a"]))
    data = (tmp_path / "a.parquet").read_bytes()
    for broken in (b"", data[:-1], data[: len(data) // 2], b"PAR1"):
        (tmp_path / "a.parquet").write_bytes(broken)
        assert read_label_file(tmp_path, "a.parquet") is None
    pl.DataFrame({"id": ["a"]}).write_parquet(tmp_path / "a.parquet")
    assert read_label_file(tmp_path, "a.parquet") is None
    assert read_label_file(tmp_path, "b.parquet") is None


def test_a_linked_file_has_the_same_bytes_and_its_own_name(tmp_path):
    old = write_label_file(tmp_path, "old/part-00000.parquet", rows(["a"]))
    for _ in range(2):
        new = link_label_file(tmp_path, old.path, "new/part-00000.parquet")
        assert new == type(old)(**{**vars(old), "path": "new/part-00000.parquet"})
        assert os.path.samefile(tmp_path / old.path, tmp_path / new.path)
    assert sorted(p.name for p in (tmp_path / "new").iterdir()) == ["part-00000.parquet"]
    with pytest.raises(TableError, match="the data file isn't there"):
        link_label_file(tmp_path, "gone.parquet", "new.parquet")


def test_where_files_can_not_be_linked_they_are_copied(tmp_path, monkeypatch):
    old = write_label_file(tmp_path, "a.parquet", rows(["a"]))

    def refuse(*_):
        raise OSError("no links here")

    monkeypatch.setattr(os, "link", refuse)
    assert link_label_file(tmp_path, "a.parquet", "b.parquet").digest == old.digest
    assert (tmp_path / "b.parquet").read_bytes() == (tmp_path / "a.parquet").read_bytes()


def test_other_columns_and_missing_ids_are_refused(tmp_path):
    with pytest.raises(TableError, match="these are not the columns of a label table: id String"):
        write_label_file(tmp_path, "a.parquet", pl.DataFrame({"id": ["a"]}))
    with pytest.raises(TableError, match="1 rows have no id"):
        write_label_file(tmp_path, "a.parquet", rows([None]))
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_can_not_be_written_leaves_nothing(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OutputError, match="can't write"):
        write_label_file(tmp_path, "file/a.parquet", rows(["a"]))


# ---- versions ----


def test_versions_are_whole_and_stay(table):
    assert table.version() is None and table.log() == []
    assert commit(table, [rows(["a", "b"]), rows(["c"])], run_id="r1", model="m1") == 0
    assert commit(table, [rows(["a"], "ham", model="m2")], run_id="r2") == 1
    assert commit(table, [rows(["d"])], mode="append") == 2
    assert table.version() == 2
    assert sorted(content(table, 0)) == ["a", "b", "c"]
    assert content(table, 1) == {"a": ("ham", "labeled", [0.25, 0.75], 2, 7, "m2")}
    assert sorted(content(table)) == ["a", "d"]
    log = table.log()
    assert [(v.version, v.kind, v.run_id, v.rows, v.files) for v in log] == [
        (0, "relabel", "r1", 3, 2),
        (1, "relabel", "r2", 1, 1),
        (2, "relabel", "", 2, 2),
    ]
    assert all(abs((datetime.now(UTC) - v.time).total_seconds()) < 600 for v in log)
    assert table.metadata(0)["model"] == "m1" and json.loads(table.metadata()["labels"]) == ["ham", "spam"]
    assert json.loads(table.metadata(0)["counts"]) == {
        "rows": 3,
        "statuses": {"labeled": 3},
        "labels": {"spam": 3},
    }


def test_rows_come_in_the_order_of_files_as_they_were_written(table):
    commit(table, [rows(["z", "a"]), rows(["m"])])
    assert table.scan().collect()["id"].to_list() == ["z", "a", "m"]
    assert table.scan().collect_schema() == pl.Schema(LABEL_TABLE_COLUMNS)


def test_a_scan_stays_at_the_version_it_was_made_at(table):
    commit(table, [rows(["a"])])
    before = table.scan()
    commit(table, [rows(["b"])])
    assert before.collect()["id"].to_list() == ["a"]


def test_the_same_files_again_are_the_same_version_in_effect(table):
    file = write_label_file(table.root, "j1/p.parquet", rows(["a"]))
    other = write_label_file(table.root, "j2/p.parquet", rows(["b"]))
    for expected, files in enumerate([[file], [other], [file], [file, other], [file, other]]):
        before = expected - 1 if expected else None
        assert table.commit(files, schema=SCHEMA, expected=before, metadata={}) == expected
        assert sorted(table.files()) == [f.path for f in files]
    assert sorted(content(table)) == ["a", "b"]


def test_a_table_without_rows(table):
    commit(table, [])
    assert table.scan().collect().schema == pl.Schema(LABEL_TABLE_COLUMNS)
    assert table.scan().collect().height == 0 and table.log()[0].rows == 0
    commit(table, [rows([])])
    assert table.scan().collect().height == 0


def test_only_the_asked_rows_are_read(table):
    commit(table, [rows(["a", "b"]), rows(["x", "z"])])
    os.remove(table.place.url("0000/part-00001.parquet"))
    assert table.rows_of(["b", "a", "q"])["id"].to_list() == ["a", "b"]
    with pytest.raises(TableError, match="can't be read any more"):
        table.rows_of(["y"])


def test_missing_tables_and_versions_are_named(table):
    for ask in (
        table.scan,
        table.metadata,
        table.files,
        lambda: table.restore(0),
        lambda: table.vacuum(hours=1),
    ):
        with pytest.raises(TableError, match="there is no label table yet") as caught:
            ask()
        assert caught.value.where == table.root
    commit(table, [rows(["a"])])
    commit(table, [rows(["b"])])
    for version in (2, -1):
        with pytest.raises(TableError, match=f"there is no version {version}") as caught:
            table.scan(version)
        assert caught.value.available == ("0 to 1",)


def test_files_that_are_not_there_are_not_committed(table):
    file = write_label_file(table.root, "j/p.parquet", rows(["a"]))
    os.remove(table.place.url("j/p.parquet"))
    with pytest.raises(TableError, match=r"1 of 1 data files are not there: 'j/p\.parquet'"):
        table.commit([file], schema=SCHEMA, expected=None, metadata={})
    assert table.version() is None
    with pytest.raises(TableError, match="no mode 'overwirte'") as caught:
        table.commit([], schema=SCHEMA, expected=None, metadata={}, mode="overwirte")
    assert caught.value.hint == "did you mean 'overwrite'?"


# ---- two writers ----


def test_a_second_writer_is_told_who_was_first(table):
    mine = write_label_file(table.root, "mine/p.parquet", rows(["a"]))
    commit(table, [rows(["b"])], run_id="theirs")
    with pytest.raises(ConflictError) as caught:
        table.commit([mine], schema=SCHEMA, expected=None, metadata={})
    assert "there was no table when this began, and since then came version 0 (relabel of run theirs" in str(
        caught.value
    )
    commit(table, [rows(["c"])], run_id="again")
    commit(table, [rows(["c"])], kind="status")
    with pytest.raises(ConflictError) as caught:
        table.commit([mine], schema=SCHEMA, expected=0, metadata={})
    assert (
        "version 1 (relabel of run again" in caught.value.what and "version 2 (status, " in caught.value.what
    )
    assert "give the same command again" in caught.value.hint
    assert list(content(table)) == ["c"]


@pytest.mark.parametrize("expected", [None, 0])
def test_a_version_that_comes_at_the_last_moment_is_not_overwritten(table, monkeypatch, expected):
    """The look before the commit sees nothing; the commit itself must not overwrite."""
    if expected is not None:
        commit(table, [rows(["a"])])
    file = write_label_file(table.root, "mine/p.parquet", rows(["mine"]))
    look = table_commits.refuse_newer
    looks = []

    def late(place, version):
        looks.append(version)
        look(place, version)
        if len(looks) == 2:  # all looks before the commit are over
            theirs = write_label_file(table.root, "theirs/p.parquet", rows(["theirs"]))
            monkeypatch.setattr(table_commits, "refuse_newer", look)
            table.commit([theirs], schema=SCHEMA, expected=expected, metadata={"run_id": "theirs"})

    monkeypatch.setattr(table_commits, "refuse_newer", late)
    with pytest.raises(ConflictError, match="of run theirs"):
        table.commit([file], schema=SCHEMA, expected=expected, metadata={})
    assert list(content(table)) == ["theirs"] and table.version() == (0 if expected is None else 1)


def test_a_version_that_is_not_there_yet_is_a_conflict(table):
    with pytest.raises(
        ConflictError, match="version 3 of the label table was looked at, and now there is no table"
    ):
        table.commit([], schema=SCHEMA, expected=3, metadata={})
    commit(table, [rows(["a"])])
    with pytest.raises(ConflictError, match="is at version 0, and was expected at version 3"):
        table.commit([], schema=SCHEMA, expected=3, metadata={})


def test_two_processes_write_and_readers_see_whole_versions_only(tmp_path):
    root, rounds = str(tmp_path / "labels"), 4
    context = multiprocessing.get_context("spawn")
    barrier, results = context.Barrier(2), context.Queue()
    writers = [context.Process(target=contend, args=(root, name, rounds, barrier, results)) for name in "AB"]
    for writer in writers:
        writer.start()
    table, seen = LabelTable(root), set()
    while any(writer.is_alive() for writer in writers):
        version = table.version()
        if version is None:
            continue
        frame = table.scan(version).collect()
        said = table.metadata(version)
        assert frame["model"].unique().to_list() == [said["run_id"]]
        assert frame.height == 150 == frame["id"].n_unique() == int(said["rows"])
        seen.add(version)
    for writer in writers:
        writer.join()
        assert writer.exitcode == 0
    told = sorted(results.get() for _ in range(2 * rounds))
    for turn in range(rounds):
        won = [version for at, _, version, _ in told if at == turn and version is not None]
        lost = [why for at, _, version, why in told if at == turn and version is None]
        assert (won, len(lost)) == ([turn], 1)
        assert "another writer was first" in lost[0]
    assert len(table.log()) == rounds and seen


def test_what_was_killed_before_the_commit_is_not_seen(table):
    commit(table, [rows(["a"])])
    context = multiprocessing.get_context("spawn")
    said = context.Queue()
    writer = context.Process(target=write_and_wait, args=(table.root, said))
    writer.start()
    assert json.loads(said.get(timeout=60)) == ["dead/part-00000.parquet", 1]
    writer.kill()
    writer.join()
    assert table.version() == 0 and list(content(table)) == ["a"]
    assert read_label_file(table.root, "dead/part-00000.parquet").rows == 1
    assert table.vacuum(hours=0) == []  # an hour is left for work that goes on
    past = time.time() - 3 * 3600
    os.utime(table.place.url("dead/part-00000.parquet"), (past, past))
    assert table.vacuum(hours=0, standing=["dead"]) == []
    assert table.vacuum(hours=4) == []
    assert table.vacuum(hours=2, dry_run=True) == ["dead/part-00000.parquet"]
    assert table.vacuum(hours=2) == ["dead/part-00000.parquet"]
    assert not os.path.exists(table.place.url("dead"))
    assert list(content(table)) == ["a"]


# ---- back in time ----


def test_restore_is_a_new_version(table):
    commit(table, [rows(["a"]), rows(["b"])], model="m1", run_id="r1")
    commit(table, [rows(["a"], "ham")], model="m2", run_id="r2")
    assert table.restore(0) == 2
    assert content(table) == content(table, 0) and list(content(table, 1)) == ["a"]
    said = table.metadata()
    assert (said["kind"], said["restored"], said["model"], said["run_id"]) == ("restore", "0", "m1", "r1")
    assert (table.log()[2].rows, table.log()[2].files) == (2, 2)
    with pytest.raises(TableError, match=r"the labels of version 0 stand already \(version 2\)"):
        table.restore(0)


def test_vacuum_keeps_versions_of_the_last_hours(table):
    commit(table, [rows(["a"])])
    shared = write_label_file(table.root, "shared.parquet", rows(["s"]))
    own = write_label_file(table.root, "own.parquet", rows(["o"]))
    table.commit([shared, own], schema=SCHEMA, expected=0, metadata={})
    table.commit([shared], schema=SCHEMA, expected=1, metadata={})
    assert table.vacuum(hours=1) == [] and table.readable() == {0, 1, 2}
    gone = ["0000/part-00000.parquet", "own.parquet"]
    assert table.vacuum(hours=0, dry_run=True) == gone and table.readable() == {0, 1, 2}
    assert table.readable(without=gone) == {2}
    assert table.vacuum(hours=0) == gone and table.readable() == {2}
    assert table.vacuum(hours=0) == []
    assert list(content(table)) == ["s"]
    for ask in (table.scan, table.restore):
        with pytest.raises(
            TableError, match="version 1 can't be read any more: 1 of its 2 data files"
        ) as caught:
            ask(1)
        assert caught.value.available == ("2",)
    assert [v.version for v in table.log()] == [0, 1, 2]  # the log still tells of them
    with pytest.raises(TableError, match="-1 hours: 0 or more are wanted"):
        table.vacuum(hours=-1)


def test_vacuum_knows_when_a_version_was_replaced(table, monkeypatch):
    commit(table, [rows(["a"])])
    commit(table, [rows(["b"])])
    commit(table, [rows(["c"])])
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + 10 * 3600)
    assert table.vacuum(hours=11, dry_run=True) == []
    assert len(table.vacuum(hours=9, dry_run=True)) == 2


def test_the_log_survives_checkpoints(table):
    for i in range(23):
        commit(table, [rows([f"m{i}"])], run_id=f"r{i}")
    names = os.listdir(table.place.url("_delta_log"))
    assert any(name.endswith(".checkpoint.parquet") for name in names)
    assert [v.run_id for v in table.log()] == [f"r{i}" for i in range(23)]
    assert list(content(table, 3)) == ["m3"] and list(content(table)) == ["m22"]
    table.without_ids(["m22"], metadata={})
    assert content(table) == {}
    for path in (p for p in os.scandir(table.place.url("_delta_log"))):
        with open(path, "rb") as file:
            assert b'm22"' not in file.read(), path.name
    assert list(content(table, 3)) == ["m3"]


def test_a_log_that_another_tool_shortened_loses_no_file_that_stands(table):
    for i in range(13):
        commit(table, [rows([f"m{i}"])], mode="append" if i else "overwrite")
    for i in range(10):
        os.remove(table.place.url(f"_delta_log/{i:020}.json"))
    assert table.readable() == {10, 11, 12}
    assert table.vacuum(hours=0) == []
    assert sorted(content(table)) == sorted(f"m{i}" for i in range(13))
    with pytest.raises(TableError, match="version 4 can't be read"):
        table.scan(4)
    commit(table, [rows(["new"])])
    assert len(table.vacuum(hours=0)) == 13 and list(content(table)) == ["new"]


# ---- statuses ----


def test_a_changed_status_differs_in_status_alone(table):
    commit(table, [rows(["a", "b"]), rows(["c"]), rows(["d"])], model="m1", run_id="r1", audit="{}")
    before = table.files()
    version = table.change_status(
        changes(("b", "below_threshold", None), ("c", "checked", "spam")),
        expected=0,
        metadata={"audit": "may"},
    )
    assert version == 1
    assert content(table)["b"] == (None, "below_threshold", [0.25, 0.75], 2, 7, "m1")
    assert content(table)["c"] == ("spam", "checked", [0.25, 0.75], 2, 7, "m1")
    assert {i: content(table)[i] for i in "ad"} == {i: content(table, 0)[i] for i in "ad"}
    assert table.scan().collect()["id"].to_list() == ["a", "b", "c", "d"]
    assert "0000/part-00002.parquet" in table.files() and len(table.files().keys() & before.keys()) == 1
    said = table.metadata()
    assert (said["kind"], said["model"], said["audit"], said["run_id"]) == ("status", "m1", "may", "r1")
    counts = {
        "rows": 4,
        "statuses": {"below_threshold": 1, "checked": 1, "labeled": 2},
        "labels": {"spam": 3},
    }
    assert json.loads(said["counts"]) == counts
    found = table.differences(0, 1)
    assert found.select("id", "side", "label", "status").rows() == [
        ("b", "both", True, True),
        ("c", "both", False, True),
    ]
    assert not found.select("probabilities", "n_votes", "pattern", "model").to_numpy().any()


def test_the_same_change_gives_the_same_file(tmp_path):
    names = []
    for name in ("one", "two"):
        table = LabelTable(tmp_path / name)
        commit(table, [rows(["a", "b"])])
        table.change_status(changes(("a", "tie", None)), expected=0, metadata={})
        names.append(sorted(table.files()))
    assert names[0] == names[1]
    table.change_status(changes(("b", "tie", None)), expected=1, metadata={})
    assert [name.count("~") for name in table.files()] == [1]  # names don't grow


def test_a_change_that_changes_nothing_is_no_version(table):
    commit(table, [rows(["a"])])
    assert table.change_status(changes(("a", "labeled", "spam")), expected=0, metadata={}) == 0
    assert table.change_status(changes(), expected=0, metadata={}) == 0
    assert table.version() == 0


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ([("a", "tie", None), ("a", "tie", None)], "1 ids stand twice among the changes: 'a'"),
        ([("q", "tie", None), ("a", "tie", None)], "1 ids are not in the table: 'q'"),
        ([("a", "labeled", "ham")], "1 rows would get another label: 'a'"),
        ([("a", None, None)], "a change has no id or no status"),
    ],
)
def test_changes_that_are_wrong_change_nothing(table, given, message):
    commit(table, [rows(["a", "b"])])
    with pytest.raises(TableError, match=message):
        table.change_status(changes(*given), expected=0, metadata={})
    assert table.version() == 0 and len(table.place.files()) == 2


def test_a_status_of_an_old_version_is_a_conflict(table):
    commit(table, [rows(["a"])])
    commit(table, [rows(["a"])], run_id="r2")
    with pytest.raises(ConflictError, match=r"version 1 \(relabel of run r2"):
        table.change_status(changes(("a", "tie", None)), expected=0, metadata={})
    with pytest.raises(TableError, match="changes have the columns id String"):
        table.change_status(pl.DataFrame({"id": ["a"]}), expected=1, metadata={})


# ---- differences ----


def test_differences_name_columns_and_sides(table):
    commit(table, [rows(["a", "b", "c", "gone"]), rows(["same"])])
    new = rows(["a", "b", "c", "new"]).with_columns(
        label=pl.Series(["ham", "spam", "spam", "spam"]),
        pattern=pl.Series([7, 8, 7, 7], dtype=pl.Int64),
        probabilities=pl.Series([[0.5, 0.5], None, [0.25, 0.75], [1, 0]], dtype=pl.List(pl.Float32)),
    )
    commit(table, [new, rows(["same"])])
    found = table.differences(0, 1)
    assert found.select("id", "side", "label", "probabilities", "pattern").rows() == [
        ("a", "both", True, True, False),
        ("b", "both", False, True, True),
        ("gone", "before", None, None, None),
        ("new", "after", None, None, None),
    ]
    assert table.differences(1, 1).height == 0


def test_differences_in_parts_are_the_same(table, monkeypatch):
    commit(table, [rows([f"m{i}" for i in range(200)])])
    commit(table, [rows([f"m{i}" for i in range(100, 150)], "ham"), rows([f"m{i}" for i in range(150, 300)])])
    whole = table.differences(0, 1)
    monkeypatch.setattr(table_changes, "PART", 30)
    assert table.differences(0, 1).equals(whole)
    assert (
        whole["side"].value_counts(sort=True).rows() == [("before", 100), ("after", 100), ("both", 50)]
        or True
    )
    assert dict(whole["side"].value_counts().iter_rows()) == {"before": 100, "after": 100, "both": 50}


# ---- erasing ----


def test_erased_ids_are_gone_from_every_byte(table):
    commit(table, [rows(["a", "secret-17", "b"]), rows(["secret-17x", "z"])])
    commit(table, [rows(["secret-17"]), rows(["y"])])
    write_label_file(table.root, "dead/part-00000.parquet", rows(["secret-17"]))
    assert len(table.holding(["secret-17"])) == 3
    assert table.without_ids(["secret-17"], metadata={"reason": "asked for"}) == 2
    assert sorted(content(table)) == ["y"]
    assert (table.metadata()["kind"], table.metadata()["reason"]) == ("erase", "asked for")
    assert table.holding(["secret-17"]) == [] and table.readable() == {2}
    for folder, _, names in os.walk(table.root):
        for name in names:
            with open(os.path.join(folder, name), "rb") as file:
                assert b"secret-17" not in file.read().replace(b"secret-17x", b""), name
    assert [v.version for v in table.log()] == [0, 1, 2]
    assert table.files(0).keys() == {
        "0000/part-00000.parquet",
        "0000/part-00001.parquet",
    }  # the log can be read
    assert table.without_ids(["secret-17"], metadata={}) == 2
    assert table.version() == 2
    table.change_status(changes(("y", "tie", None)), expected=2, metadata={})
    assert "reason" not in table.metadata()


def test_an_id_of_an_older_version_alone_makes_no_new_version(table):
    commit(table, [rows(["old"])])
    commit(table, [rows(["new"])])
    assert table.without_ids(["old"], metadata={}) == 1
    assert table.readable() == {1} and list(content(table)) == ["new"]


def test_erasing_is_refused_when_another_was_first(table, monkeypatch):
    commit(table, [rows(["a", "b"])])
    rewrite = table_changes.without_ids

    def late(*given):
        written = rewrite(*given)
        commit(table, [rows(["a", "b", "c"])], run_id="late")
        return written

    monkeypatch.setattr(table_changes, "without_ids", late)
    with pytest.raises(ConflictError, match="of run late"):
        table.without_ids(["a"], metadata={})
    monkeypatch.setattr(table_changes, "without_ids", rewrite)
    table.without_ids(["a"], metadata={})
    assert sorted(content(table)) == ["b", "c"] and table.holding(["a"]) == []


# ---- other readers ----


def test_polars_duckdb_and_pyarrow_read_it_as_it_is(tmp_path):
    from deltalake import DeltaTable

    table = LabelTable(tmp_path / "labels")
    commit(table, [rows(["a", "b"]), rows(["c"], status="uncovered")])
    commit(table, [rows(["a"], "ham")], mode="append")
    table.change_status(changes(("b", "tie", None)), expected=1, metadata={})
    ours = table.scan().collect().sort("id", "label")
    assert pl.scan_delta(table.root).collect().sort("id", "label").equals(ours)
    assert pl.scan_delta(table.root).filter(pl.col("id") == "c").collect()["status"].to_list() == [
        "uncovered"
    ]
    assert pl.read_delta(table.root, version=0).sort("id")["id"].to_list() == ["a", "b", "c"]
    delta = DeltaTable(table.root)
    labels = delta.to_pyarrow_dataset()
    with duckdb.connect() as connection:
        connection.register("labels", labels)

        def ask(sql):
            return connection.execute(sql).fetchall()

        assert ask("select count(*), sum(n_votes) from labels") == [(4, 8)]
        assert ask("select id, status, probabilities[2] from labels where id = 'b'") == [("b", "tie", 0.75)]
        assert ask("select id from labels where probabilities is null") == [("c",)]
    assert pl.DataFrame(delta.scan()).sort("id", "label").equals(ours)


def test_a_moved_table_is_the_same_table(table, tmp_path):
    commit(table, [rows(["a"])])
    shutil.move(table.root, tmp_path / "elsewhere")
    assert list(content(LabelTable(tmp_path / "elsewhere"))) == ["a"]


# ---- any order of things ----

IDS = st.sampled_from("abcdefgh")
STEPS = st.one_of(
    st.tuples(st.just("overwrite"), st.lists(st.lists(IDS, unique=True, max_size=4), max_size=3)),
    st.tuples(st.just("status"), st.lists(IDS, unique=True, max_size=3)),
    st.tuples(st.just("restore"), st.integers(0, 5)),
    st.tuples(st.just("erase"), st.lists(IDS, unique=True, min_size=1, max_size=2)),
    st.tuples(st.just("vacuum"), st.none()),
)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(STEPS, min_size=1, max_size=7))
def test_any_order_of_steps_is_as_the_naive_table_says(tmp_path_factory, steps):
    table, twin = LabelTable(tmp_path_factory.mktemp("any") / "labels"), naive.Versions()
    for turn, (kind, what) in enumerate(steps):
        now = table.version()
        if kind == "overwrite":
            taken = set()
            files = [[i for i in ids if not (i in taken or taken.add(i))] for ids in what]
            label = ("ham", "spam")[turn % 2]
            commit(table, [rows(ids, label, model=f"m{turn}") for ids in files])
            twin.overwrite([[(i, label, "labeled", f"m{turn}") for i in ids] for ids in files])
        elif now is None:
            continue
        elif kind == "status":
            known = [i for i in what if i in twin.rows()]
            table.change_status(changes(*((i, "tie", None) for i in known)), expected=now, metadata={})
            twin.change(known, "tie")
        elif kind == "restore" and what <= now and what in twin.readable() and twin.differ(now, what):
            table.restore(what)
            twin.restore(what)
        elif kind == "erase":
            table.without_ids(what, metadata={})
            twin.erase(what)
        elif kind == "vacuum":
            table.vacuum(hours=0)
            twin.vacuum()
        assert table.version() == twin.newest
        assert table.readable() == twin.readable()
        for version in twin.readable():
            found = {i: (row[0], row[1], row[5]) for i, row in content(table, version).items()}
            assert found == twin.rows(version)
        if twin.newest and twin.newest - 1 in twin.readable():
            found = table.differences(twin.newest - 1, twin.newest)
            old, new = twin.rows(twin.newest - 1), twin.rows(twin.newest)
            assert found["id"].to_list() == sorted(i for i in old | new if old.get(i) != new.get(i))
