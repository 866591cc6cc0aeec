from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import naive
from strategies import vote_matrices
from weaklabel.errors import GoldError, VotesError
from weaklabel.fingerprint import event_hash
from weaklabel.kernels.patterns import mix
from weaklabel.label_matrix import LabelMatrix, VotePatterns, as_patterns

PARTS = ("silence", "indptr", "labeler_index", "codes", "counts", "keys")


def dense(patterns):
    out = np.repeat(patterns.silence[None], len(patterns), axis=0)
    out[patterns.pattern_index, patterns.labeler_index] = patterns.codes
    return out


def same(a, b, *, rows=True):
    assert a.labelers == b.labelers
    for name in PARTS + (("inverse",) if rows else ()):
        assert getattr(a, name).dtype == getattr(b, name).dtype, name
        assert getattr(a, name).tolist() == getattr(b, name).tolist(), name


def test_worked_by_hand():
    votes = LabelMatrix.from_numpy([[0, -1], [1, 0], [0, -1], [-1, -1]], labelers=["long", "link"])
    patterns = votes.patterns()
    sums = {
        (0, -1): event_hash("long", 0),
        (1, 0): (event_hash("long", 1) + event_hash("link", 0)) % 2**64,
        (-1, -1): 0,
    }
    expected = {row: mix(np.array([total], np.uint64).view(np.int64))[0] for row, total in sums.items()}
    order = sorted(expected, key=expected.get)
    assert [tuple(row) for row in dense(patterns).tolist()] == order
    assert patterns.keys.tolist() == [expected[row] for row in order]
    assert patterns.counts.tolist() == [{(0, -1): 2}.get(row, 1) for row in order]
    assert [order[u] for u in patterns.inverse] == [(0, -1), (1, 0), (0, -1), (-1, -1)]
    assert patterns.n_votes.tolist() == [sum(v >= 0 for v in row) for row in order]
    assert patterns.keys.dtype == patterns.counts.dtype == np.int64


@settings(deadline=None, max_examples=50)
@given(vote_matrices())
def test_patterns_are_the_distinct_rows_with_counts(votes):
    patterns = as_patterns(votes)
    assert {tuple(r): c for r, c in zip(dense(patterns).tolist(), patterns.counts.tolist(), strict=True)} == (
        naive.patterns(votes.tolist())
    )
    assert (dense(patterns)[patterns.inverse] == votes).all()
    assert (patterns.keys[1:] > patterns.keys[:-1]).all()


@settings(deadline=None, max_examples=50)
@given(vote_matrices(), st.data())
def test_order_of_rows_and_labelers_and_layout_leave_patterns_as_they_are(votes, data):
    n, m = votes.shape
    rows = np.array(data.draw(st.permutations(range(n))))
    columns = np.array(data.draw(st.permutations(range(m))))
    names = [f"rule{j}" for j in range(m)]
    base = LabelMatrix.from_numpy(votes, labelers=names)
    whole = base.patterns()
    same(whole, base.as_events().patterns())
    shuffled = LabelMatrix.from_numpy(votes[rows], labelers=names, silence=base.silence).patterns()
    same(whole, shuffled, rows=False)
    assert (whole.inverse[rows] == shuffled.inverse).all()
    turned = LabelMatrix.from_numpy(
        votes[:, columns], labelers=[names[j] for j in columns], silence=base.silence[columns]
    ).patterns()
    assert turned.keys.tolist() == whole.keys.tolist()
    assert turned.counts.tolist() == whole.counts.tolist()
    assert (dense(turned)[:, np.argsort(columns)] == dense(whole)).all()


@settings(deadline=None, max_examples=50)
@given(vote_matrices(max_rows=15), st.integers(0, 15), st.integers(0, 15))
def test_merged_shards_are_the_whole(votes, first, second):
    cuts = sorted((min(first, len(votes)), min(second, len(votes))))
    whole = LabelMatrix.from_numpy(votes)
    shards = [
        LabelMatrix.from_numpy(part, silence=whole.silence).patterns() for part in np.split(votes, cuts)
    ]
    same(VotePatterns.merge(shards), whole.patterns())
    counted = VotePatterns.merge([shard.without_rows() for shard in shards])
    same(counted, whole.patterns(), rows=False)
    assert counted.inverse is None


@settings(deadline=None, max_examples=50)
@given(vote_matrices(), st.data())
def test_merge_where_shards_write_silence_differently(votes, data):
    at = data.draw(st.integers(0, len(votes)))
    silences = [
        data.draw(st.lists(st.sampled_from([-1, -2]), min_size=votes.shape[1], max_size=votes.shape[1]))
        for _ in "ab"
    ]
    shards = [
        LabelMatrix.from_numpy(part, silence=silence).patterns()
        for part, silence in zip((votes[:at], votes[at:]), silences, strict=True)
    ]
    merged = VotePatterns.merge(shards)
    same(merged, LabelMatrix.from_numpy(votes, silence=np.max(silences, axis=0)).patterns())


def test_merge_aligns_labelers_by_name():
    a = LabelMatrix.from_numpy([[0, 1], [1, -1]], labelers=["x", "y"]).patterns()
    b = LabelMatrix.from_numpy([[1, 0], [-1, -1]], labelers=["y", "x"]).patterns()
    merged = VotePatterns.merge([a, b])
    same(merged, LabelMatrix.from_numpy([[0, 1], [1, -1], [0, 1], [-1, -1]], labelers=["x", "y"]).patterns())


def test_merge_refuses_other_labelers_and_nothing():
    a = LabelMatrix.from_numpy([[0, 1]], labelers=["x", "y"]).patterns()
    b = LabelMatrix.from_numpy([[0, 1]], labelers=["x", "z"]).patterns()
    with pytest.raises(VotesError) as error:
        VotePatterns.merge([a, b])
    assert str(error.value) == (
        "different labelers: 1 missing (y), 1 new (z)\n"
        "  where: shard 1, compared with shard 0\n"
        "  available: x, y"
    )
    with pytest.raises(VotesError, match="no vote patterns"):
        VotePatterns.merge([])


def test_counts_beyond_a_billion():
    part = replace(as_patterns([[0, 1], [1, 1]]).without_rows(), counts=np.array([10**9, 3 * 10**9]))
    assert VotePatterns.merge([part, part]).counts.tolist() == [2 * 10**9, 6 * 10**9]
    assert VotePatterns.merge([part, part]).n_rows == 8 * 10**9


def test_repeated_answers_count_and_make_their_own_pattern():
    answers = pl.DataFrame({"item": list("aabbcc"), "labeler": list("xxxxxx"), "code": [1, 1, 0, 1, 1, 0]})
    patterns = LabelMatrix.from_answers(answers).patterns()
    assert sorted(patterns.counts.tolist()) == [1, 2]  # a: 1 and 1; b and c: 0 and 1, in either order
    assert patterns.n_votes.tolist() == [2, 2]


@pytest.mark.parametrize("other", [[1], [0, 0]])
def test_a_collision_between_shards_that_are_merged_by_key_is_an_error(other):
    one = LabelMatrix.from_numpy([[0, -1]], labelers=["a", "b"]).patterns().without_rows()
    row = np.array([[other[0], other[1] if len(other) > 1 else -1]])
    two = LabelMatrix.from_numpy(row, labelers=["a", "b"]).patterns().without_rows()
    with pytest.raises(VotesError, match="two different rows of votes have the same key"):
        VotePatterns.merge([one, replace(two, keys=one.keys)])


def test_a_collision_is_an_error(monkeypatch):
    import weaklabel.label_matrix.patterns as module

    monkeypatch.setattr(module, "event_hash", lambda labeler, code: max(code, -1) + 1)
    with pytest.raises(VotesError) as error:
        as_patterns([[0, -1], [-1, 0]])
    assert "two different rows of votes have the same key" in str(error.value)
    assert "rename any labeler" in str(error.value)
    with pytest.raises(VotesError, match="same key"):
        LabelMatrix.from_numpy([[0, -1], [-1, 0]]).as_events().patterns()


def test_gold_table():
    patterns = as_patterns([[0], [1], [0], [0]])
    table = patterns.gold_table([1, -1, 0, 1], n_classes=3)
    assert table[patterns.inverse[0]].tolist() == [1, 2, 0]
    assert table[patterns.inverse[1]].tolist() == [0, 0, 0]
    assert table.dtype == np.int64


@pytest.mark.parametrize(
    ("gold", "message"),
    [
        ([0, 1], "gold has the shape (2,); the votes have 3 rows"),
        ([0.0, 1.0, 0.0], "integer codes, not float64"),
        ([0, 2, 0], "gold code 2 is out of range: -1 (unknown), 0 to 1\n  where: row 1"),
        ([0, -2, 0], "gold code -2 is out of range"),
    ],
)
def test_gold_that_does_not_fit(gold, message):
    with pytest.raises(GoldError) as error:
        as_patterns([[0], [1], [0]]).gold_table(gold, n_classes=2)
    assert message in str(error.value)


def test_gold_of_patterns_without_rows():
    with pytest.raises(GoldError, match="don't know their rows"):
        as_patterns([[0]]).without_rows().gold_table([0], n_classes=2)
