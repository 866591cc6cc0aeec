"""Votes of a shard on disk: what was written, whole or not at all, and samples of its rows."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from weaklabel.errors import OutputError
from weaklabel.label_matrix import VotePatterns
from weaklabel.label_matrix.patterns import dense_patterns
from weaklabel.store.shard_votes import ShardVotes, kept, read_shard_votes, write_whole


def shard(matrix, levels):
    codes = np.array(matrix, np.int8)
    names = tuple(f"rule{j}" for j in range(codes.shape[1]))
    patterns = dense_patterns(codes, names, np.full(len(names), -1, np.int8))
    ids = pl.Series("id", [f"row {i} 😀" for i in range(len(codes))])
    return ShardVotes(ids, patterns, np.array(levels, np.int8), {"digest": "d", "gold": [["row 0 😀", 0]]})


votes = st.integers(1, 5).flatmap(
    lambda m: st.lists(st.lists(st.integers(-2, 3), min_size=m, max_size=m), min_size=1, max_size=20)
)


@given(votes, st.data())
def test_what_is_written_is_read(tmp_path_factory, matrix, data):
    levels = data.draw(st.lists(st.integers(0, 6), min_size=len(matrix), max_size=len(matrix)))
    before = shard(matrix, levels)
    path = before.write(tmp_path_factory.mktemp("votes") / "part-00000.votes")
    after = read_shard_votes(path)
    assert after.ids.to_list() == before.ids.to_list() and after.notes == before.notes
    assert after.levels.tolist() == levels
    for name in ("labelers", "silence", "indptr", "labeler_index", "codes", "counts", "keys", "inverse"):
        assert list(getattr(after.patterns, name)) == list(getattr(before.patterns, name))
    assert len(read_shard_votes(path, ids=False).ids) == 0
    bytes_ = path.read_bytes()
    assert before.write(path).read_bytes() == bytes_
    assert [p.name for p in path.parent.iterdir()] == [path.name]


@given(votes, st.data())
def test_a_sample_is_the_rows_of_its_level(matrix, data):
    levels = data.draw(st.lists(st.integers(0, 3), min_size=len(matrix), max_size=len(matrix)))
    one = shard(matrix, levels)
    for level in range(4):
        rows = [row for row, own in zip(matrix, levels, strict=True) if own >= level]
        found = one.sample(level)
        if not rows:
            assert len(found) == 0
            continue
        expected = dense_patterns(
            np.array(rows, np.int8), one.patterns.labelers, np.full(len(rows[0]), -1, np.int8)
        )
        assert found.keys.tolist() == expected.keys.tolist()
        assert found.counts.tolist() == expected.counts.tolist()
        assert found.codes.tolist() == expected.codes.tolist()


@pytest.mark.parametrize("size", [0, 10, 40, -1])
def test_a_file_that_is_cut_or_of_another_kind_is_none(tmp_path, size):
    path = shard([[0, -1], [1, 1]], [0, 1]).write(tmp_path / "a.votes")
    path.write_bytes(path.read_bytes()[:size] if size >= 0 else b"x" + path.read_bytes()[1:])
    assert read_shard_votes(path) is None


def test_a_file_longer_than_it_says_is_none(tmp_path):
    path = shard([[0, -1], [1, 1]], [0, 1]).write(tmp_path / "a.votes")
    path.write_bytes(path.read_bytes() + b"more")
    assert read_shard_votes(path) is None


def test_kept_patterns_stand_for_what_is_said():
    patterns = dense_patterns([[0, -1], [1, 1], [-1, -1]])
    some = kept(patterns, np.array([0, 4, 0]))
    assert isinstance(some, VotePatterns) and some.n_rows == 4 and some.keys[0] == patterns.keys[1]
    assert some.codes.tolist() == patterns.codes[patterns.indptr[1] : patterns.indptr[2]].tolist()


def test_a_folder_that_can_not_be_made_is_one_error(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="can't write"):
        write_whole(tmp_path / "file" / "a.votes", [b"x"])


def test_a_write_that_fails_leaves_nothing(tmp_path):
    def broken():
        yield b"a"
        raise OSError(28, "No space left on device")

    with pytest.raises(OutputError, match="No space left on device"):
        write_whole(tmp_path / "a.votes", broken())
    assert list(tmp_path.iterdir()) == []
