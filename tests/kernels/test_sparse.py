"""Columns of votes as bytes: the obvious twin, worked examples, and the way back."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import naive
from weaklabel.kernels.sparse import from_gaps, gaps, usual_code

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
