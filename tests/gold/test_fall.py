"""Tests of answers to hidden checks: against a person's own history, and against a floor."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import boschloo_exact

import naive
from weaklabel.agreement import kappa_of_counts
from weaklabel.errors import GoldError
from weaklabel.gold.fall import fall_limits, fall_p, floor_of_kappa, floor_p

CASES = st.tuples(st.integers(1, 8), st.integers(1, 12)).flatmap(
    lambda n: st.tuples(st.integers(0, n[0]), st.just(n[0]), st.integers(0, n[1]), st.just(n[1]))
)


# ---- a fall against one's own history ----


def test_a_fall_worked_by_hand():
    # none of 2 right today, 3 of 3 before: nothing ranks lower; q^3 (1 - q)^2 is largest at q = 3/5
    assert float(fall_p(0, 2, 3, 3)) == pytest.approx(0.6**3 * 0.4**2, rel=1e-6)
    # Fisher's p-value of the same: both wrong ones today, 1 of 10 ways
    assert float(naive.hypergeometric_tail(0, 2, 3, 3)) == 1 / 10
    # 1 of 1 wrong today, 1 of 1 right before: q (1 - q) is largest at 1/2
    assert float(fall_p(0, 1, 1, 1)) == pytest.approx(1 / 4, rel=1e-6)


@settings(max_examples=40)
@given(CASES)
def test_a_falls_p_value_equals_the_sum_over_all_outcomes(case):
    found, twin = float(fall_p(*case)), naive.boschloo(*case)
    assert found == pytest.approx(twin, rel=1e-5)
    assert found <= naive.hypergeometric_tail(*case) * (1 + 1e-9)  # never above Fisher's


@pytest.mark.parametrize(
    "case", [(7, 12, 190, 200), (5, 12, 23, 24), (20, 30, 290, 300), (10, 12, 30, 40), (3, 9, 40, 55)]
)
def test_a_falls_p_value_equals_scipys(case):
    right, n, before, history = case
    theirs = boschloo_exact([[right, before], [n - right, history - before]], alternative="less", n=256)
    assert float(fall_p(*case)) == pytest.approx(theirs.pvalue, rel=1e-4)


def test_arrays_and_nothing_to_compare():
    found = fall_p(np.array([[3, 0], [2, 1]]), 4, 9, 10)
    assert found.shape == (2, 2) and found[0, 1] == float(fall_p(0, 4, 9, 10))
    assert fall_p(3, 4, 0, 0) == 1 and fall_p(0, 0, 5, 6) == 1
    assert fall_p(4, 4, 10, 10) == 1
    assert fall_p(np.zeros(0, dtype=int), 4, 9, 10).shape == (0,)


@pytest.mark.parametrize("level", [0.001, 0.01, 0.05])
@pytest.mark.parametrize(("n", "history"), [(5, 8), (12, 30), (12, 100), (30, 300)])
def test_no_share_fails_more_often_than_the_level(level, n, history):
    # summed over every outcome, for people whose share the test does not know
    x, h = np.arange(n + 1), np.arange(history + 1)
    fails = x[None, :] <= fall_limits(n, history, level)[:, None]
    ways = np.outer([math.comb(history, i) for i in h], [math.comb(n, i) for i in x])
    largest = 0.0
    for share in np.linspace(0.005, 0.995, 199):
        q = share ** (h[:, None] + x) * (1 - share) ** (history + n - h[:, None] - x)
        largest = max(largest, float((ways * q)[fails].sum()))
    assert largest <= level * (1 + 1e-6)
    assert largest >= 0.3 * level or n == 5  # and it is not idle


@pytest.mark.parametrize(
    ("n", "history", "level"), [(5, 8, 0.05), (12, 40, 0.01), (3, 4, 1e-6), (12, 40, 0.9)]
)
def test_limits_are_where_the_p_value_passes_the_level(n, history, level):
    x, h = np.arange(n + 1), np.arange(history + 1)
    p = fall_p(x[None, :], n, h[:, None], history)
    assert (np.diff(p, axis=1) >= -1e-12).all()  # more right answers are never worse
    assert fall_limits(n, history, level).tolist() == ((p <= level).sum(axis=1) - 1).tolist()


def test_without_checks_or_history_nothing_fails():
    assert fall_limits(0, 3, 0.1).tolist() == [-1] * 4 and fall_limits(3, 0, 0.1).tolist() == [-1]


# ---- a floor ----


@given(CASES.map(lambda c: (c[0], c[1])), st.sampled_from([0.5, 0.8, 0.95]))
def test_a_floors_p_value_equals_the_sum(case, floor):
    assert float(floor_p(*case, floor)) == pytest.approx(float(naive.binomial_tail(*case, floor)), rel=1e-9)


def test_no_answer_is_not_below_a_floor():
    assert floor_p(0, 0, 0.8) == 1


def test_a_floor_in_kappa_is_the_share_that_has_that_kappa():
    # right on 80 % of an even mix, wrong alike in both: kappa .6
    assert floor_of_kappa(0.6, [5, 5]) == 0.8
    assert kappa_of_counts([[40, 10], [10, 40]]).value == pytest.approx(0.6)
    # 90 and 10: both answer 90 and 10, kappa .6 where 1 - .072 is right
    assert floor_of_kappa(0.6, [90, 10]) == pytest.approx(0.928)
    assert kappa_of_counts([[864, 36], [36, 64]]).value == pytest.approx(0.6)
    assert floor_of_kappa(0.6, {"a": 4, "b": 0}) is None and floor_of_kappa(0.6, {}) is None


def complaint(function, *args):
    with pytest.raises(GoldError) as caught:
        function(*args)
    return str(caught.value)


def test_mistakes_are_explained():
    assert "right answers are between 0 and all" in complaint(fall_p, 3, 2, 0, 0)
    assert "a floor is a share between 0 and 1, not 80" in complaint(floor_p, 3, 4, 80)
    assert "a floor of kappa is between 0 and 1, not 60" in complaint(floor_of_kappa, 60, [1, 1])
