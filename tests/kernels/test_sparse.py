"""Columns of votes as bytes: the obvious twin, worked examples, and the way back."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import naive
from weaklabel.kernels.rows import dense_events
from weaklabel.kernels.sparse import column_events, from_gaps, gaps, usual_code

columns = st.lists(st.sampled_from([-2, -1, -1, -1, 0, 1, 126]), max_size=60)
runs = st.lists(
    st.tuples(st.sampled_from([-1, 0, 3]), st.sampled_from([1, 2, 254, 255, 256, 511])), max_size=6
)


def column(codes):
    return np.array(codes, np.int8)


@given(columns, st.sampled_from([-2, -1, 0, 1]))
def test_gaps_are_those_of_the_twin(codes, usual):
    where, what = gaps(column(codes), usual)
    assert (where.tolist(), what.tolist()) == naive.gaps(codes, usual)


@given(runs, st.sampled_from([-1, 0]))
def test_long_gaps_are_those_of_the_twin_and_the_way_back_is_the_same_column(lengths, usual):
    codes = [code for code, length in lengths for _ in range(length)]
    where, what = gaps(column(codes), usual)
    assert (where.tolist(), what.tolist()) == naive.gaps(codes, usual)
    assert from_gaps(where, what, usual, len(codes)).tolist() == codes


@pytest.mark.parametrize(
    ("rows", "where"), [(254, [254]), (255, [255, 0]), (256, [255, 1]), (510, [255, 255, 0])]
)
def test_a_gap_of_255_and_more_goes_on(rows, where):
    votes = column([-1] * rows + [4])
    assert gaps(votes, -1)[0].tolist() == where
    assert from_gaps(np.array(where, np.uint8), column([4]), -1, rows + 1).tolist() == votes.tolist()


@given(columns)
def test_the_usual_code_is_that_of_most_rows_or_silence_for_half_of_them(codes):
    usual = usual_code(column(codes))
    if 2 * codes.count(-1) >= len(codes):
        assert usual == -1
    else:
        assert codes.count(usual) == max(codes.count(code) for code in codes)


def test_a_column_that_can_not_be_written_or_lies_oddly_in_memory_is_read_all_the_same():
    votes = column([-1] * 70 + [3] + [-1] * 9)
    where, what = gaps(votes, -1)
    odd = np.empty(81, np.int8)[1:]
    odd[:] = votes
    for own in (odd, np.repeat(votes, 2)[::2], np.frombuffer(votes.tobytes(), np.int8)):
        found = gaps(own, -1)
        assert (found[0].tolist(), found[1].tolist()) == (where.tolist(), what.tolist()) == ([70], [3])


@settings(max_examples=60)
@given(
    st.integers(0, 10**6),
    st.sampled_from([0, 1, 7, 8, 9, 300, 700]),
    st.integers(0, 9),
    st.sampled_from([0, 0.003, 0.1, 0.6, 1]),
)
def test_events_of_columns_are_those_of_their_matrix(seed, rows, m, coverage):
    rng = np.random.default_rng(seed)
    dense = np.where(rng.random((rows, m)) < coverage, rng.integers(-2, 4, (rows, m)), -1).astype(np.int8)
    dense[:, m // 2 :] = np.where(dense[:, m // 2 :] == -1, -1, 2)  # columns of one code
    columns = [gaps(own, -1) for own in dense.T]
    columns = [(where, what[:1] if len(set(what.tolist())) == 1 else what) for where, what in columns]
    found, expected = column_events(columns, rows), dense_events(np.ascontiguousarray(dense))
    for own, other in zip(found, expected, strict=True):
        assert own.dtype == other.dtype and own.tolist() == other.tolist()
