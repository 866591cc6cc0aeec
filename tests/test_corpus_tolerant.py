"""Corpora of which a part can't be read: one error for each file and folder, and the rest as if it stood alone."""

import os
import pickle
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from weaklabel.corpus import Corpus, delimited
from weaklabel.errors import CorpusError


def parquet(path, ids, **more):
    path.parent.mkdir(parents=True, exist_ok=True)
    pl.DataFrame({"id": list(ids), "text": [f"text {id}" for id in ids], **more}).write_parquet(path)
    return path


def csv(path, ids, header="id,text"):
    path.parent.mkdir(parents=True, exist_ok=True)
    columns = header.count(",") + 1
    path.write_text(f"{header}\n" + "".join(",".join([id] * columns) + "\n" for id in ids))
    return path


def tolerant(source, **options):
    corpus, failures = Corpus.open_tolerant(source, **options)
    assert all(isinstance(failure, CorpusError) for failure in failures)
    return corpus, [failure.what for failure in failures], [failure.where for failure in failures]


def ids(corpus):
    return corpus.scan().select("id").collect()["id"].to_list()


# ---- nothing is wrong ----


@pytest.mark.parametrize("write", [parquet, csv])
def test_a_sound_corpus_is_the_one_that_open_gives(tmp_path, write, monkeypatch):
    for name in "ab":
        write(tmp_path / f"{name}.{write.__name__}", [name + "1", name + "2"])
    usual = Corpus.open(tmp_path)
    corpus, failures = Corpus.open_tolerant(tmp_path)
    assert failures == ()
    assert (corpus.fingerprint, corpus.shards(), corpus.columns) == (
        usual.fingerprint,
        usual.shards(),
        usual.columns,
    )
    assert [corpus.digest(shard) for shard in corpus.shards()] == [
        usual.digest(shard) for shard in usual.shards()
    ]
    assert_frame_equal(corpus.scan().collect(), usual.scan().collect())


def test_a_sound_corpus_is_looked_through_no_more_often_than_by_open(tmp_path, monkeypatch):
    csv(tmp_path / "a.csv", ["1"])
    csv(tmp_path / "b.csv", ["2"])
    seen = []
    real = delimited.inspect
    monkeypatch.setattr(
        delimited, "inspect", lambda files, reading: seen.append(len(files)) or real(files, reading)
    )
    Corpus.open(tmp_path)
    usual = seen.copy()
    seen.clear()
    Corpus.open_tolerant(tmp_path)
    assert seen == usual


def test_a_file_without_rows_is_no_error(tmp_path):
    parquet(tmp_path / "a.parquet", ["1"])
    parquet(tmp_path / "b.parquet", [])
    assert tolerant(tmp_path)[1:] == ([], [])
    csv(tmp_path / "c/a.csv", ["1"])
    csv(tmp_path / "c/b.csv", [])
    (tmp_path / "c/c.csv").write_text("")
    corpus, what, _ = tolerant(tmp_path / "c")
    assert (corpus.count(), what) == (1, [])


# ---- broken files ----


def test_broken_parquet_files_are_named_and_the_rest_is_opened(tmp_path):
    good = [parquet(tmp_path / f"{name}.parquet", [name + "1", name + "2"]) for name in "aceg"]
    whole = good[0].read_bytes()
    (tmp_path / "b.parquet").write_bytes(whole[:-20])
    (tmp_path / "d.parquet").write_bytes(b"")
    parquet(tmp_path / "f.parquet", ["f1"], more=[1])
    parquet(tmp_path / "h.parquet", [1])
    corpus, what, where = tolerant(tmp_path)
    assert what == [
        "a truncated Parquet file: its footer is missing",
        "an empty file where a Parquet file should be",
        "mixed schemas: f.parquet has 'more', a.parquet has not",
        "mixed schemas: column 'id' is String in a.parquet and Int64 in h.parquet",
    ]
    for name, place in zip("bdfh", where):
        assert str(tmp_path / f"{name}.parquet") in place
    assert ids(corpus) == ["a1", "a2", "c1", "c2", "e1", "e2", "g1", "g2"]
    alone = Corpus.open(good)
    assert corpus.fingerprint == alone.fingerprint
    assert [corpus.digest(shard) for shard in corpus.shards()] == [
        alone.digest(shard) for shard in alone.shards()
    ]


def test_most_files_say_which_columns_are_right_not_the_first_one(tmp_path):
    csv(tmp_path / "a.csv", ["1"], header="id,text,odd")
    csv(tmp_path / "b.csv", ["2"])
    csv(tmp_path / "c.csv", ["3"])
    corpus, what, where = tolerant(tmp_path)
    assert ids(corpus) == ["2", "3"]
    assert what == ["mixed schemas: a.csv has 'odd', b.csv has not"]
    assert str(tmp_path / "a.csv") in where[0]


def test_of_two_kinds_that_are_equally_common_that_of_the_first_file_is_right(tmp_path):
    csv(tmp_path / "a.csv", ["1"], header="id,text,odd")
    csv(tmp_path / "b.csv", ["2"])
    assert ids(tolerant(tmp_path)[0]) == ["1"]


def test_files_of_many_rows_win_over_files_without_any(tmp_path):
    for name in "abc":
        csv(tmp_path / f"{name}.csv", [], header="id,text,odd")
    csv(tmp_path / "d.csv", ["1"])
    corpus, what, where = tolerant(tmp_path)
    assert ids(corpus) == ["1"]
    assert len(what) == 3
    assert "mixed schemas" in what[0]
    assert str(tmp_path / "a.csv") in where[0]


def test_columns_whose_types_differ_but_go_together_are_no_error(tmp_path):
    for name, value in {"a": "1", "b": "2.5", "c": "x", "d": "3"}.items():
        (tmp_path / f"{name}.csv").write_text(f"id,v\n{name},{value}\n")
    (tmp_path / "e.csv").write_text('id,v\ne,"never closed\n')
    corpus, what, where = tolerant(tmp_path)
    assert (ids(corpus), corpus.schema["v"]) == (["a", "b", "c", "d"], pl.String())
    assert (what, where) == (["a quote is opened and never closed"], [f"{tmp_path / 'e.csv'}:2"])


def test_a_column_without_types_goes_with_one_type_only(tmp_path):
    for name in "abc":
        parquet(tmp_path / f"{name}.parquet", [name], v=[None])
    parquet(tmp_path / "d.parquet", ["d1", "d2"], v=[1, 2])
    parquet(tmp_path / "e.parquet", ["e1", "e2"], v=["x", "y"])
    corpus, what, _ = tolerant(tmp_path)
    assert ids(corpus) == ["a", "b", "c", "d1", "d2"]
    assert what == ["mixed schemas: column 'v' is Int64 in d.parquet and String in e.parquet"]


def test_broken_lines_and_bytes(tmp_path):
    (tmp_path / "a.jsonl").write_text('{"id": "1", "text": "x"}\n')
    (tmp_path / "b.jsonl").write_text('{"id": "2", "text": "x"}\n{"id": \n')
    (tmp_path / "c.jsonl").write_bytes(b'{"id": "3", "text": "\xff"}\n')
    corpus, what, where = tolerant(tmp_path, text="text")
    assert ids(corpus) == ["1"]
    assert len(what) == 2
    assert where == [f"{tmp_path / 'b.jsonl'}:2", f"{tmp_path / 'c.jsonl'}:1"]


def test_no_file_that_can_be_read(tmp_path):
    (tmp_path / "a.parquet").write_bytes(b"PAR1")
    corpus, what, _ = tolerant(tmp_path)
    assert corpus is None
    assert what == ["a truncated Parquet file: its footer is missing"]


def test_what_is_wrong_with_the_call_is_raised(tmp_path):
    csv(tmp_path / "a.csv", ["1"])
    with pytest.raises(CorpusError, match="no column 'kye'"):
        Corpus.open_tolerant(tmp_path, id="kye")
    with pytest.raises(CorpusError, match="no such file or folder"):
        Corpus.open_tolerant(tmp_path / "b.csv")
    (tmp_path / "b.jsonl").write_text("{}\n")
    with pytest.raises(CorpusError, match="mixed formats"):
        Corpus.open_tolerant(tmp_path)
    csv(tmp_path / "empty/a.csv", [])
    with pytest.raises(CorpusError, match="an empty corpus: no file holds a row"):
        Corpus.open_tolerant(tmp_path / "empty")


# ---- what can't be read ----


def forbid(monkeypatch, *paths):
    """Let files and folders be forbidden, for root too."""
    scandir, opened = os.scandir, Path.open
    names = {str(path) for path in paths}

    def listed(path="."):
        if str(path) in names:
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    def read(self, *args, **options):
        if str(self) in names:
            raise PermissionError(13, "Permission denied", str(self))
        return opened(self, *args, **options)

    monkeypatch.setattr(os, "scandir", listed)
    monkeypatch.setattr(Path, "open", read)


def test_a_folder_and_a_file_that_can_not_be_read(tmp_path, monkeypatch):
    parquet(tmp_path / "a.parquet", ["1"])
    parquet(tmp_path / "b.parquet", ["2"])
    parquet(tmp_path / "shut/c.parquet", ["3"])
    parquet(tmp_path / "open/d.parquet", ["4"])
    forbid(monkeypatch, tmp_path / "shut", tmp_path / "b.parquet")
    corpus, what, where = tolerant(tmp_path)
    assert ids(corpus) == ["1", "4"]
    assert what == ["can't read the folder: Permission denied", "can't read the file: Permission denied"]
    assert where == [str(tmp_path / "shut"), str(tmp_path / "b.parquet")]


def test_rows_in_a_folder_that_can_not_be_read_are_not_passed_over_in_silence(tmp_path, monkeypatch):
    parquet(tmp_path / "a.parquet", ["1"])
    parquet(tmp_path / "shut/c.parquet", ["3"])
    forbid(monkeypatch, tmp_path / "shut")
    with pytest.raises(CorpusError, match="can't read the folder: Permission denied") as caught:
        Corpus.open(tmp_path)
    assert caught.value.where == str(tmp_path / "shut")


def test_a_corpus_in_a_folder_that_can_not_be_read(tmp_path, monkeypatch):
    parquet(tmp_path / "a.parquet", ["1"])
    forbid(monkeypatch, tmp_path)
    assert tolerant(tmp_path) == (None, ["can't read the folder: Permission denied"], [str(tmp_path)])
    assert tolerant([tmp_path])[0] is None
    with pytest.raises(CorpusError, match="can't read the folder: Permission denied"):
        Corpus.open(tmp_path)


@pytest.mark.parametrize(
    ("glob", "hit"),
    [
        ("*/*.parquet", ["shut"]),
        ("s*/*.parquet", ["shut"]),
        ("**/*.parquet", ["shut", "open/deep"]),
        ("**", ["shut", "open/deep"]),
        ("o*/*.parquet", []),
        ("open/*/*.parquet", ["open/deep"]),
        ("*/deep/*.parquet", ["shut", "open/deep"]),
        ("**/deep/*.parquet", ["shut", "open/deep"]),
        ("*.parquet", []),
        ("shut/*.parquet", ["shut"]),
    ],
)
def test_a_glob_does_not_pass_over_folders_that_it_can_not_read(tmp_path, monkeypatch, glob, hit):
    for name in ("a.parquet", "shut/b.parquet", "open/c.parquet", "open/deep/d.parquet", ".git/e.parquet"):
        parquet(tmp_path / name, [name])
    forbid(monkeypatch, tmp_path / "shut", tmp_path / "open/deep", tmp_path / ".git")
    corpus, what, where = tolerant(tmp_path / glob) if hit else (Corpus.open(tmp_path / glob), [], [])
    assert sorted(where) == sorted(str(tmp_path / name) for name in hit)
    assert set(what) <= {"can't read the folder: Permission denied"}
    if hit:
        with pytest.raises(CorpusError, match="can't read the folder: Permission denied"):
            Corpus.open(tmp_path / glob)
    else:
        assert corpus.count() == 1


def test_a_missing_file_in_a_folder_whose_name_looks_like_a_glob(tmp_path):
    parquet(tmp_path / "a[1]/b.parquet", ["1"])
    with pytest.raises(CorpusError, match="no such file or folder"):
        Corpus.open(tmp_path / "a[1]/c.parquet")


def test_hidden_folders_are_not_looked_into(tmp_path, monkeypatch):
    parquet(tmp_path / "a.parquet", ["1"])
    for name in (".git", "_old", "b"):
        parquet(tmp_path / name / "c.parquet", [name])
    forbid(monkeypatch, tmp_path / ".git", tmp_path / "_old")
    assert ids(Corpus.open(tmp_path)) == ["1", "b"]


# ---- ids are not looked at ----


def test_a_corpus_opened_unchecked_reads_doubled_ids_until_it_is_asked(tmp_path):
    csv(tmp_path / "a.csv", ["1", "2"])
    csv(tmp_path / "b.csv", ["3", "1"])
    with pytest.raises(CorpusError, match="1 doubled id"):
        Corpus.open(tmp_path).shards()
    corpus = Corpus.open(tmp_path, unchecked=True)
    assert pickle.loads(pickle.dumps(corpus)).unchecked
    assert ids(corpus) == ["1", "2", "3", "1"]
    assert [corpus.read(shard)["id"].to_list() for shard in corpus.shards()] == [["1", "2"], ["3", "1"]]
    with pytest.raises(CorpusError, match="1 doubled id"):
        corpus.check_ids()
    assert Corpus.open_tolerant(tmp_path, unchecked=True)[0].unchecked


def test_unchecked_or_not_is_no_part_of_what_a_corpus_is(tmp_path):
    csv(tmp_path / "a.csv", ["1", "2"])
    one, other = (Corpus.open(tmp_path, unchecked=unchecked) for unchecked in (True, False))
    assert one.fingerprint == other.fingerprint
    assert one.digest(one.shards()[0]) == other.digest(other.shards()[0])


def test_where_a_row_of_a_shard_stands(tmp_path):
    path = csv(tmp_path / "a.csv", ["1", "2", "3"])
    corpus = Corpus.open(path)
    assert corpus.locate(corpus.shards(2)[1], 0) == f"{path}:4"
    path = parquet(tmp_path / "b.parquet", ["1", "2", "3"])
    corpus = Corpus.open(path)
    assert corpus.locate(corpus.shards()[0], 2) == f"{path}, row 2"
