"""Sums that no order of rows changes, against plain loops."""

import itertools
import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests import naive

from weaklabel.kernels import sums as kernel


def random_rows(seed, n, m, k, most=10**6):
    """Rows of cells, and how many rows each stands for: now and then none."""
    rng = np.random.default_rng(seed)
    votes = np.where(rng.random((n, m)) < 0.6, rng.integers(-2, k, (n, m)), -1)
    counts = np.where((votes >= 0).any(axis=1) & (rng.random(n) < 0.9), rng.integers(1, most, n), 0)
    rows = [[j * (k + 2) + int(v) + 2 for j, v in enumerate(row) if v != -1] for row in votes]
    indptr = np.cumsum([0, *map(len, rows)])
    return votes, counts, rows, indptr, np.array([c for row in rows for c in row], np.int32)


SIZES = st.integers(0, 10**6), st.integers(1, 20), st.integers(1, 6), st.integers(2, 5)


@settings(max_examples=50)
@given(*SIZES)
def test_sums_by_cell_are_those_of_the_plain_loop(seed, n, m, k):
    votes, counts, rows, indptr, cells = random_rows(seed, n, m, k, most=10**9)
    keys, size = np.random.default_rng(seed).integers(-(2**63), 2**63 - 1, n), m * (k + 2)
    found = kernel.cell_sums(indptr, cells, counts, keys, k + 2, size)
    plain = [[0] * size for _ in range(4)]
    for vote, row, count, key in zip(votes, rows, counts.tolist(), keys.tolist(), strict=True):
        heard = int((vote >= 0).sum())
        for cell in row if count else []:
            for into, more in zip(plain, (count, heard * count, key, Fraction(count, heard)), strict=True):
                into[cell] += more
    for mine, other in zip(found[:2], plain[:2], strict=True):
        assert mine.tolist() == other
    assert found[2].view(np.uint64).tolist() == [key % 2**64 for key in plain[2]]
    assert found[3] == pytest.approx([float(share) for share in plain[3]], rel=1e-7)


@settings(max_examples=50)
@given(*SIZES)
def test_pairs_are_those_of_the_plain_loop(seed, n, m, k):
    _, counts, rows, indptr, cells = random_rows(seed, n, m, k)
    rng = np.random.default_rng(seed)
    size = m * (k + 2)
    chosen = np.sort(rng.choice(size, size // 2, replace=False))
    number = np.full(size, -1)
    number[chosen] = np.arange(len(chosen))
    some = np.flatnonzero(rng.random(n) < 0.7)
    found = kernel.pair_sums(indptr, cells, some, counts[some], number, len(chosen))
    plain = np.zeros((len(chosen), len(chosen)), np.int64)
    for u in some:
        own = [number[cell] for cell in rows[u] if number[cell] >= 0]
        for a, b in itertools.combinations_with_replacement(own, 2):
            plain[a, b] += counts[u]
    assert (found == plain).all()


@settings(max_examples=60)
@given(*SIZES)
def test_expected_sums_are_those_of_the_slow_twin_in_any_order_and_grouping(seed, n, m, k):
    _, counts, rows, indptr, cells = random_rows(seed, n, m, k)
    rng = np.random.default_rng(seed)
    table, base = rng.normal(0, 3, (m * (k + 2), k)), rng.normal(0, 1, k)
    totals = kernel.cell_sums(indptr, cells, counts, counts, k + 2, len(table))[0]
    classes, expected = kernel.expected_sums(indptr, cells, counts, table, base, totals)
    told = naive.expected_rows(rows, counts.tolist(), table.tolist(), base.tolist())
    assert classes == pytest.approx(np.array(told[0]), rel=1e-9, abs=1e-9 * max(1, counts.sum()))
    assert expected == pytest.approx(np.array(told[1]), rel=1e-9, abs=1e-9 * max(1, counts.sum()))
    first = rng.integers(0, counts + 1)
    twice = [*zip(rows, first, strict=True), *zip(rows, counts - first, strict=True)]
    order = rng.permutation(len(twice))
    parts = [twice[i] for i in order]
    other = np.cumsum([0, *(len(row) for row, _ in parts)])
    moved = np.array([cell for row, _ in parts for cell in row], np.int32)
    again = kernel.expected_sums(other, moved, np.array([c for _, c in parts]), table, base, totals)
    assert (again[0] == classes).all()
    assert (again[1] == expected).all()


@pytest.mark.parametrize("k", [2, 3])
@pytest.mark.parametrize("count", [1, 10**9, 10**12])
def test_large_counts_and_scores_do_not_run_over(k, count):
    indptr, cells, counts = np.array([0, 1, 2]), np.array([2, 3], np.int32), np.array([count, 2 * count])
    table = np.full((5, k), -1e6)
    table[2, 0] = 1e6
    totals = np.array([0, 0, count, 2 * count, 0])
    classes, expected = kernel.expected_sums(indptr, cells, counts, table, np.zeros(k), totals)
    assert expected[2].tolist() == [count] + [0] * (k - 1)
    assert expected[3] == pytest.approx(2 * count / k, rel=1e-5)
    assert classes.sum() == pytest.approx(3 * count, rel=1e-5)


def test_bits_leave_room_for_all_rows():
    for rows in (0, 1, 1000, 2**20 - 1, 2**20, 10**9, 10**15):
        assert rows * 2 ** kernel.bits_for(rows) < 2**62
    assert kernel.bits_for(2**70) == 0


@settings(max_examples=50)
@given(*SIZES)
def test_departures_are_those_of_the_plain_loop(seed, n, m, k):
    votes, counts, _, indptr, cells = random_rows(seed, n, m + 1, k)
    others = np.random.default_rng(seed).random(m + 1) < 0.7
    others[:2] = False
    found = kernel.departures(indptr, cells, counts, k + 2, np.array([0, 1]), others)
    plain = [[0.0] * 3, [0.0] * 3]
    for row, count in zip(votes.tolist(), counts.tolist(), strict=True):
        asked = [v for v, there in zip(row, others, strict=True) if there and v >= 0]
        if row[0] >= 0 and row[1] != -2 and asked:
            share = sum(v == row[0] for v in asked) / len(asked)
            for i, more in enumerate((1, share, share**2)):
                plain[row[0] == row[1]][i] += count * more
    assert found == pytest.approx(np.array(plain), rel=1e-9)
    assert not math.isnan(found.sum())


@settings(max_examples=50)
@given(*SIZES)
def test_departures_count_what_agrees(seed, n, m, k):
    votes, counts, _, indptr, cells = random_rows(seed, n, m + 1, k)
    others = np.ones(m + 1, bool)
    others[:2] = False
    agree = np.random.default_rng(seed).random((k, k)) < 0.5
    found = kernel.departures(indptr, cells, counts, k + 2, np.array([0, 1]), others, agree)
    plain = [[0.0] * 3, [0.0] * 3]
    for row, count in zip(votes.tolist(), counts.tolist(), strict=True):
        asked = [v for v, there in zip(row, others, strict=True) if there and v >= 0]
        if row[0] >= 0 and row[1] != -2 and asked:
            share = sum(agree[row[0], v] for v in asked) / len(asked)
            for i, more in enumerate((1, share, share**2)):
                plain[row[0] == row[1]][i] += count * more
    assert found == pytest.approx(np.array(plain), rel=1e-9)
