import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import naive
from weaklabel.kernels.rows import dense_cells, event_counts, exact_sums

NOTHING = np.empty(0, np.int64)


def sums(dense, counts, table, base, k):
    indptr, cells = dense_cells(dense, k + 2)
    return exact_sums(indptr, cells, counts, table, base, event_counts(indptr, cells, counts, len(table)))


def votes(seed, n, m, k, coverage):
    rng = np.random.default_rng(seed)
    return np.where(rng.random((n, m)) < coverage, rng.integers(-2, k, (n, m)), -1).astype(np.int8)


@settings(max_examples=100)
@given(
    st.integers(0, 10**6),
    st.integers(0, 12),
    st.integers(1, 19),
    st.integers(2, 126),
    st.sampled_from([0, 0.1, 0.5, 1]),
)
def test_cells_are_those_of_the_plain_loop(seed, n, m, k, coverage):
    dense = votes(seed, n, m, k, coverage)
    indptr, cells = dense_cells(dense, k + 2)
    expected = [[j * (k + 2) + int(v) + 2 for j, v in enumerate(row) if v != -1] for row in dense]
    assert [cells[a:b].tolist() for a, b in itertools.pairwise(indptr)] == expected


def test_wide_tables_get_wide_cells():
    dense = np.full((2, 600), 119, np.int8)
    _, cells = dense_cells(dense, 122)
    assert cells.dtype == np.uint32
    assert cells[-1] == 599 * 122 + 121


@settings(max_examples=40)
@given(st.integers(0, 10**6), st.integers(1, 30), st.integers(1, 6), st.integers(2, 4))
def test_sums_are_those_of_the_plain_loop(seed, n, m, k):
    dense = votes(seed, n, m, k, 0.6)
    rng = np.random.default_rng(seed)
    table, base = rng.normal(size=(m * (k + 2), k)), rng.normal(size=k)
    counts = rng.integers(1, 10**6, n)
    classes, expected = sums(dense, counts, table, base, k)
    plain_classes, plain = naive.event_sums(dense.tolist(), counts.tolist(), table, base, k)
    rounding = counts.sum() * 2.0**-44  # each row's probability is rounded to a multiple of this
    assert classes == pytest.approx(plain_classes, rel=1e-12, abs=k * rounding)
    assert expected == pytest.approx(np.array(plain), rel=1e-12, abs=k * rounding)


def test_no_order_and_no_grouping_changes_a_bit():
    dense = votes(1, 500, 5, 3, 0.3)
    rng = np.random.default_rng(1)
    table, base = rng.normal(size=(25, 3)), rng.normal(size=3)
    whole = sums(dense, NOTHING, table, base, 3)
    turned = sums(dense[rng.permutation(500)], NOTHING, table, base, 3)
    distinct, counts = np.unique(dense, axis=0, return_counts=True)
    grouped = sums(distinct, counts, table, base, 3)
    assert len(distinct) < 400
    for other in (turned, grouped):
        assert (other[0] == whole[0]).all()
        assert (other[1] == whole[1]).all()


def test_counts_of_a_billion_rows_do_not_overflow():
    dense = np.array([[0], [1]], np.int8)
    counts = np.array([10**12, 10**12])
    classes, expected = sums(dense, counts, np.zeros((4, 2)), np.zeros(2), 2)
    assert classes.tolist() == [1e12, 1e12]
    assert expected[2].tolist() == [5e11, 5e11]
