"""Tests whether two parts differ: against slow twins, by hand, and by how often nothing raises an alarm."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import mannwhitneyu

import naive
from weaklabel.audit.two_samples import (
    detectable,
    effective_counts,
    fisher_mid_p,
    homogeneity_p,
    rank_shift,
    rank_shift_counts,
)
from weaklabel.errors import GoldError


@st.composite
def tables(draw):
    n, m = draw(st.integers(1, 12)), draw(st.integers(1, 12))
    return draw(st.integers(0, n)), n, draw(st.integers(0, m)), m


@given(tables())
def test_mid_p_is_its_slow_twin(table):
    a, n, b, m = table
    found = float(fisher_mid_p(a, n, b, m))
    if 0 < a + b < n + m:
        assert found == pytest.approx(naive.fisher_mid_p(a, n, b, m), abs=1e-12)
    else:
        assert math.isnan(found)


@given(tables())
def test_the_two_parts_may_change_places(table):
    a, n, b, m = table
    np.testing.assert_allclose(fisher_mid_p(a, n, b, m), fisher_mid_p(b, m, a, n), atol=1e-12)


def test_mid_p_by_hand():
    # 1 of 2 against 0 of 2, one row in all: tables (1, 0) and (0, 1) with chance 1/2 each: 2 * (1/2) / 2
    assert float(fisher_mid_p(1, 2, 0, 2)) == pytest.approx(0.5)
    # 2 of 2 against 0 of 2: chance 1/6, half of it, twice
    assert float(fisher_mid_p(2, 2, 0, 2)) == pytest.approx(1 / 6)


def test_counts_beyond_their_rows_are_refused():
    with pytest.raises(GoldError, match="between 0 and the number of rows"):
        fisher_mid_p(3, 2, 0, 2)


@given(
    st.lists(st.integers(0, 5), min_size=1, max_size=12), st.lists(st.integers(0, 5), min_size=1, max_size=12)
)
def test_rank_shift_counts_pairs(a, b):
    auc, both, larger = rank_shift(a, b)
    assert auc == pytest.approx(naive.auc(a, b))
    if len(set(a) | set(b)) > 1:
        expected = mannwhitneyu(b, a, method="asymptotic", alternative="greater").pvalue
        assert larger == pytest.approx(min(expected, 1.0), abs=1e-9)
        two = mannwhitneyu(b, a, method="asymptotic", alternative="two-sided").pvalue
        assert both == pytest.approx(min(two, 1.0), abs=1e-9)
    else:
        assert (both, larger) == (1.0, 1.0)


def test_rank_shift_of_an_empty_part_is_not_a_number():
    assert all(math.isnan(v) for v in rank_shift_counts([0, 0], [1, 1]))


def test_homogeneity_takes_rare_cells_together():
    assert math.isnan(homogeneity_p([3, 0], [0, 4]))  # too few for any cell
    assert math.isnan(homogeneity_p([0, 0], [5, 5]))  # a part without rows
    # cells of 1 are pooled with each other, not tested one by one
    many = homogeneity_p([100, 100] + [1] * 20, [100, 100] + [1] * 20)
    assert many == pytest.approx(1.0)
    assert homogeneity_p([30, 70], [70, 30]) < 1e-6


def test_chi_squared_by_hand():
    # expected 15 and 35 in each part; (5^2/15 + 5^2/35) * 2 = 4.7619, one degree of freedom
    assert homogeneity_p([20, 30], [10, 40]) == pytest.approx(0.029096, abs=1e-5)


def test_the_detectable_change_is_as_the_table_of_fifty_rules_says():
    shares = [detectable(p, 10_000, 10_000, tests=50) for p in (0.01, 0.05, 0.1)]
    assert [round(v, 2) for v in shares] == [0.64, 0.28, 0.19]
    assert detectable(0.0, 10, 10) is None
    assert detectable(0.1, 0, 10) is None


def test_a_detectable_change_is_detected_as_often_as_said():
    generator, n, p = np.random.default_rng(5), 4000, 0.1
    change = detectable(p, n, n)
    a, b = generator.binomial(n, p, 3000), generator.binomial(n, p * (1 - change), 3000)
    seen = float((fisher_mid_p(a, n, b, n) <= 0.05).mean())
    assert 0.87 <= seen <= 0.95  # a fall is a little easier to see than the formula's equal spreads


@given(st.lists(st.booleans(), min_size=1, max_size=20), st.sampled_from([0.5, 1.0, 7.0]))
def test_equal_weights_are_plain_counts(right, weight):
    assert effective_counts(right, [weight] * len(right)) == (sum(right), len(right))


def test_effective_counts_of_nothing():
    assert effective_counts([], []) == (0, 0)
