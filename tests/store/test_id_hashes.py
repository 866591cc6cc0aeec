"""Doubled ids found out of core, and levels by which rows are sampled."""

import re

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import naive
from weaklabel.corpus import Corpus
from weaklabel.errors import CorpusError, OutputError
from weaklabel.store import id_hashes
from weaklabel.store.id_hashes import (
    check_doubled,
    check_filled,
    doubled,
    hash_ids,
    sample_levels,
    write_hashes,
)

few = st.text("ab", max_size=3)
many = st.text(min_size=1, max_size=12)
shards_of_ids = st.lists(st.lists(few | many, max_size=8), max_size=5)
LEVEL_SEED = 0x5DEECE66D


@pytest.fixture(scope="module")
def scratch(tmp_path_factory):
    return tmp_path_factory.mktemp("hashes")


def written(folder, shards):
    paths = [folder / f"part-{i}.npy" for i in range(len(shards))]
    for path, ids in zip(paths, shards):
        write_hashes(path, pl.Series(ids, dtype=pl.String))
    return paths


def check(folder, shards, **options):
    series = [pl.Series(ids, dtype=pl.String) for ids in shards]
    read = []

    def ids_of(shard):
        read.append(shard)
        return series[shard]

    paths = written(folder, shards)
    check_doubled(paths, ids_of, lambda shard, row: f"{shard}.csv:{row + 2}", column="key", **options)
    return read


# ---- hashes ----


@given(st.lists(st.text(max_size=20), max_size=6))
def test_hashes_and_levels_are_those_of_the_twin(texts):
    ids = pl.Series(texts, dtype=pl.String)
    assert hash_ids(ids).tolist() == [naive.text_hash(text, 0) for text in texts]
    levels = sample_levels(ids)
    assert levels.dtype == np.int8
    assert levels.tolist() == [naive.leading_zeros(naive.text_hash(text, LEVEL_SEED)) for text in texts]


def test_a_slice_of_ids_has_the_hashes_of_the_slice():
    ids = pl.Series([f"doc-{i}" for i in range(100)])
    assert hash_ids(ids[7:50]).tolist() == hash_ids(ids).tolist()[7:50]
    assert hash_ids(ids.gather([3, 1])).tolist() == hash_ids(ids).tolist()[3:0:-2]


def test_whole_numbers_have_the_hashes_of_their_texts():
    assert hash_ids(pl.Series([7, 12])).tolist() == hash_ids(pl.Series(["7", "12"])).tolist()


def test_levels_are_halves_of_halves_and_do_not_follow_the_hashes_that_find_doubled_ids():
    ids = pl.Series([f"doc-{i}" for i in range(20_000)])
    levels = sample_levels(ids)
    for level in range(5):
        share = (levels >= level).mean()
        assert abs(share - 2.0**-level) < 5 * (2.0**-level * (1 - 2.0**-level) / 20_000) ** 0.5 + 1e-12
    top = hash_ids(ids) >> np.uint64(63) == 0
    assert abs((levels[top] >= 1).mean() - 0.5) < 0.025


def test_a_null_id_has_no_hash():
    with pytest.raises(CorpusError, match="1 rows have no id"):
        hash_ids(pl.Series(["a", None]))


# ---- files ----


def test_a_file_holds_the_sorted_hashes_and_the_same_ids_give_the_same_bytes(tmp_path):
    one, other = written(tmp_path, [["b", "a", "c"], ["c", "b", "a"]])
    assert np.load(one).tolist() == sorted(naive.text_hash(id, 0) for id in "abc")
    assert one.read_bytes() == other.read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["part-0.npy", "part-1.npy"]


def test_a_file_that_can_not_be_written_leaves_nothing(tmp_path, monkeypatch):
    def full(file, array, **options):
        file.write(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "save", full)
    with pytest.raises(OutputError, match="can't write: No space left on device"):
        write_hashes(tmp_path / "ids.npy", pl.Series(["a"]))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("content", [None, b"", b"not a file of numbers", b"\x93NUMPY"])
def test_a_file_that_can_not_be_read_is_named(tmp_path, content):
    path = tmp_path / "ids.npy"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(CorpusError, match="can't read the hashes of a shard's ids") as caught:
        doubled([path])
    assert caught.value.where == str(path)


# ---- merging ----


@settings(max_examples=40)
@given(shards_of_ids, st.sampled_from([1, 64, 200, 1 << 20]))
def test_doubled_hashes_are_those_of_the_twin_whatever_the_memory(scratch, shards, memory):
    found = doubled(written(scratch, shards), memory=memory)
    assert found.dtype == np.uint64
    assert found.tolist() == sorted(naive.text_hash(id, 0) for id in naive.doubled_ids(shards))


@settings(max_examples=40)
@given(shards_of_ids)
def test_the_error_is_that_of_a_corpus_that_is_checked_whole(scratch, shards):
    places = naive.doubled_ids(shards)
    if not places:
        assert check(scratch, shards) == []
        return
    with pytest.raises(CorpusError) as caught:
        check(scratch, shards, memory=200)
    shown = [
        f"{id!r} ({', '.join(f'{shard}.csv:{row + 2}' for shard, row in found[:3])}{', …' * (len(found) > 3)})"
        for id, found in list(places.items())[:3]
    ]
    count = f"{len(places)} doubled id{'s' * (len(places) != 1)}"
    more = ", …" * (len(places) > 3)
    assert caught.value.what == f"{count} in column 'key': {', '.join(shown)}{more}"


def test_only_shards_with_a_suspicious_hash_are_read(tmp_path, monkeypatch):
    shards = [["a", "b"], ["c"], ["d", "a"], []]
    seen = []
    monkeypatch.setattr(id_hashes, "doubled_error", lambda rows, *args, **options: seen.append(rows))
    assert check(tmp_path, shards) == [0, 2]
    assert seen[0].select("block", "row", "id").rows() == [(0, 0, "a"), (2, 1, "a")]


def test_equal_hashes_of_different_ids_are_no_error(tmp_path, monkeypatch):
    real = id_hashes.hash_ids
    monkeypatch.setattr(id_hashes, "hash_ids", lambda ids: real(ids.str.slice(0, 1)))
    assert check(tmp_path, [["apple", "bear"], ["cat", "ant"]]) == [0, 1]
    with pytest.raises(CorpusError, match=r"1 doubled id in column 'key': 'ant' \(1.csv:3, 2.csv:2\)"):
        check(tmp_path, [["apple"], ["cat", "ant"], ["ant", "axe"]])


def test_more_suspects_than_fit_are_named_by_their_least_number(tmp_path, monkeypatch):
    monkeypatch.setattr(id_hashes, "_MOST_SUSPECTS", 2)
    with pytest.raises(CorpusError, match=r"at least 2 doubled ids in column 'key': "):
        check(tmp_path, [["a", "b", "c"], ["c", "b", "a"]])


def test_all_rows_with_one_id(tmp_path):
    with pytest.raises(CorpusError, match=r"'x' \(0.csv:2, 0.csv:3, 0.csv:4, …\)"):
        check(tmp_path, [["x"] * 500, ["x"] * 500], memory=1000)


def test_ranges_keep_to_the_memory(tmp_path, monkeypatch):
    paths = written(tmp_path, [[f"{shard}-{i}" for i in range(1000)] for shard in range(4)])
    sizes = []
    real = id_hashes._doubled_in

    def counted(paths, starts, stops, lengths):
        sizes.append(int((stops - starts).sum()))
        return real(paths, starts, stops, lengths)

    monkeypatch.setattr(id_hashes, "_doubled_in", counted)
    assert doubled(paths, memory=16_000).tolist() == []
    assert sum(sizes) == 4000
    assert max(sizes) < 1.5 * 16_000 / 32


def test_no_shards_at_all():
    assert doubled([]).tolist() == []
    check_doubled([], lambda i: pl.Series([]), lambda i, row: "", column="id")


# ---- with a corpus ----


def test_doubled_ids_across_the_files_of_a_corpus_are_named_with_file_and_line(tmp_path):
    for name, ids in {"a": "x1 x2", "b": "x3 x1"}.items():
        (tmp_path / f"{name}.csv").write_text("key,text\n" + "".join(f"{id},t\n" for id in ids.split()))
    corpus = Corpus.open(tmp_path, id="key", unchecked=True)
    shards, folder = corpus.shards(), tmp_path / "hashes"
    folder.mkdir()

    def ids_of(number):
        return corpus.read(shards[number], columns=["id"])["id"]

    paths = [folder / f"{shard.index}.npy" for shard in shards]
    for shard, path in zip(shards, paths):
        write_hashes(path, ids_of(shard.index))
    with pytest.raises(CorpusError) as caught:
        check_doubled(
            paths, ids_of, lambda number, row: corpus.locate(shards[number], row), column=corpus.id_column
        )
    with pytest.raises(CorpusError, match=re.escape(caught.value.what)):
        corpus.check_ids()
    assert caught.value.what == (
        f"1 doubled id in column 'key': 'x1' ({tmp_path}/a.csv:2, {tmp_path}/b.csv:3)"
    )


@pytest.mark.parametrize(("ids", "what", "row"), [(["a", None], "null", 3), (["", "a"], "empty", 2)])
def test_a_row_without_an_id(ids, what, row):
    with pytest.raises(CorpusError, match=f"a row without an id: column 'key' is {what}") as caught:
        check_filled(pl.Series(ids), lambda at: f"mail.csv:{at + 2}", column="key")
    assert caught.value.where == f"mail.csv:{row}"
    check_filled(pl.Series(["a"]), lambda at: "", column="key")
