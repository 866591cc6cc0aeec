"""Rows as lists of cells, against plain loops."""

import itertools

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from tests import naive

from weaklabel.kernels import cells as kernel
from weaklabel.kernels.patterns import mix


def matrices(seed, n, m, k, coverage):
    rng = np.random.default_rng(seed)
    return np.where(rng.random((n, m)) < coverage, rng.integers(-2, k, (n, m)), -1).astype(np.int8)


def as_rows(indptr, cells):
    return [cells[a:b].tolist() for a, b in itertools.pairwise(indptr)]


SIZES = (
    st.integers(0, 10**6),
    st.integers(1, 12),
    st.integers(1, 9),
    st.integers(2, 126),
    st.sampled_from([0, 0.1, 0.5, 1]),
)


@settings(max_examples=100)
@given(*SIZES, st.booleans())
def test_cells_are_those_of_the_plain_loop(seed, n, m, k, coverage, people):
    votes, width = matrices(seed, n, m, k, coverage), k + 2
    silence = np.random.default_rng(seed).choice([-2, -1], m) if people else np.full(m, -1)
    cells, ends = np.full(n * m + 4, -7, np.int32), np.zeros(n + 1, np.int64)
    first = (np.arange(m) * width + 2).astype(np.int32)
    ends[0] = 3
    end = kernel.row_cells(votes, silence.astype(np.int8), first, cells, 3, ends[1:])
    assert end == ends[-1]
    assert (cells[:3] == -7).all()
    expected = [[j * width + int(v) + 2 for j, v in enumerate(row) if v != silence[j]] for row in votes]
    assert as_rows(ends, cells) == expected
    who = np.array([cell // width for row in expected for cell in row], np.int32)
    codes = np.array([cell % width - 2 for row in expected for cell in row], np.int8)
    for kind in (np.int32, kernel.cell_type(m * width)):
        some = np.empty(len(codes), kind)
        kernel.write_cells(who, codes, width, some)
        assert some.tolist() == [cell for row in expected for cell in row]


@settings(max_examples=50)
@given(*SIZES)
def test_keys_and_marks_are_those_of_the_plain_loop(seed, n, m, k, coverage):
    votes, width = matrices(seed, n, m, k, coverage), k + 2
    numbers = np.random.default_rng(seed).integers(-(2**63), 2**63 - 1, m * width)
    rows = [[j * width + int(v) + 2 for j, v in enumerate(row) if v != -1] for row in votes]
    indptr = np.cumsum([0, *map(len, rows)])
    cells = np.array([cell for row in rows for cell in row], np.int32)
    keys, counts = np.empty(n, np.int64), np.empty(n, np.int64)
    voted = np.arange(m * width) % width >= 2
    kernel.row_keys(indptr, cells, numbers, voted, keys, counts)
    sums = [sum(int(numbers[cell]) for cell in row) % 2**64 for row in rows]
    assert (keys == mix(np.array(sums, np.uint64).view(np.int64))).all()
    assert counts.tolist() == [int(any(v >= 0 for v in row)) for row in votes]
    kernel.row_keys(indptr, cells, numbers, np.empty(0, bool), keys, counts)
    assert counts.tolist() == [int(any(v != -1 for v in row)) for row in votes]
    told = sum(bool(c) for c in counts), sum(len(r) * (len(r) + 1) // 2 for r in rows)
    assert kernel.pairs_in(indptr, counts) == told
    some = np.random.default_rng(seed).integers(0, n, 4)
    assert as_rows(*kernel.take_cells(indptr, cells, some)) == [rows[i] for i in some]
    same = all(rows[i] == rows[0] for i in some)
    assert kernel.same_rows(indptr, cells, some, np.zeros(4, np.int64)) == same


def test_keys_that_occur_again_are_marked_and_few_others():
    rng = np.random.default_rng(0)
    keys = mix(np.arange(5000))
    keys[rng.choice(5000, 400, replace=False)] = keys[7]
    marked = kernel.maybe_repeated(keys)
    values, often = np.unique(keys, return_counts=True)
    again = np.isin(keys, values[often > 1])
    assert again.sum() >= 400
    assert marked[again].all()
    assert marked[~again].mean() < 0.2
    assert not kernel.maybe_repeated(keys[:0]).any()


def test_a_draw_takes_rows_by_key_with_their_probability():
    keys, counts = np.arange(20_000), np.resize([1, 2, 7, 0], 20_000)
    rows = kernel.drawn(keys, counts, 4.0)
    place = (mix(keys).view(np.uint64) >> np.uint64(11)) / 2.0**53
    assert rows.tolist() == np.flatnonzero(place < counts / 4).tolist()
    taken = np.bincount(counts[rows], minlength=8) / 5000
    assert taken[7] == 1
    assert taken[0] == 0
    assert np.abs(taken[[1, 2]] - [0.25, 0.5]).max() < 0.02


def test_pooled_cells_by_hand():
    """Labelers 0, 1 and 3 are one, and 3 speaks first; labeler 2, a person, answered twice."""
    into, rank = np.array([0, 0, 2, 0]), np.array([1, 2, 3, 0])
    dense = [[-1, 0, 1, -1], [1, 0, -1, 0], [-2, -2, 1, -1], [-1, -2, -1, -1]]
    rows = [[j * 4 + v + 2 for j, v in enumerate(row) if v != -1] for row in dense]
    rows[0].insert(1, 2 * 4 + 2)
    rows[0].sort()
    indptr = np.cumsum([0, *map(len, rows)])
    cells = np.array([cell for row in rows for cell in row], np.int32)
    members = np.bincount(into, minlength=4)
    found = as_rows(*kernel.pool_cells(indptr, cells, into, rank, members, 4))
    assert found == [[2, 10, 11], [2], [0, 11], []]
    plain = naive.pooled_copies(dense, into.tolist(), rank.tolist())
    assert [[j * 4 + v + 2 for j, v in enumerate(row) if v != -1] for row in plain[1:]] == found[1:]
