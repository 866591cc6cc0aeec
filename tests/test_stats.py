"""Intervals, the bootstrap and multiplicity."""

import json
import math
from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats as scipy_stats

import naive
from weaklabel.stats import (
    Estimate,
    benjamini_hochberg,
    bootstrap,
    clopper_pearson,
    paired_difference,
    undefined,
    wilson,
    wilson_mean,
)

Z95 = NormalDist().inv_cdf(0.975)
counts = st.integers(1, 500).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


# ---- Estimate ----


def test_what_cannot_be_measured_is_none_and_never_nan():
    estimate = Estimate(float("nan"), float("-inf"), float("inf"), 3)
    assert (estimate.value, estimate.low, estimate.high) == (None, None, None)
    assert str(estimate) == "not measured (n=3)"


def test_numpy_numbers_become_plain_ones():
    estimate = Estimate(np.float64(0.5), np.float32(0.25), None, np.int64(4))
    assert [type(v) for v in (estimate.value, estimate.low, estimate.n)] == [float, float, int]
    assert json.loads(json.dumps(estimate.to_dict())) == estimate.to_dict()


def test_a_value_without_interval_says_so():
    assert str(Estimate(0.25, None, None, 4)) == "0.250 n=4"


# ---- Wilson, Clopper-Pearson ----


def test_wilson_worked_by_hand():
    # p = 8/10, z = 2: (0.8 + 0.2) / 1.4 = 0.7143; half = 2 sqrt(.016 + .01) / 1.4 = 0.2303
    estimate = wilson(8, 10, confidence=math.erf(math.sqrt(2)))
    assert estimate.value == 0.8
    assert estimate.low == pytest.approx(0.4840, abs=1e-4)
    assert estimate.high == pytest.approx(0.9446, abs=1e-4)
    assert (estimate.n, estimate.method) == (10, "Wilson")


@given(counts, st.sampled_from([0.8, 0.95, 0.99]))
def test_wilson_and_clopper_pearson_equal_scipy(pair, confidence):
    k, n = pair
    test = scipy_stats.binomtest(k, n)
    for ours, method in ((wilson, "wilson"), (clopper_pearson, "exact")):
        theirs = test.proportion_ci(confidence, method=method)
        found = ours(k, n, confidence=confidence)
        assert found.low == pytest.approx(theirs.low, abs=1e-9)
        assert found.high == pytest.approx(theirs.high, abs=1e-9)


@given(counts)
def test_wilson_is_where_the_score_test_rejects(pair):
    k, n = pair
    low, high = naive.wilson_ends(k / n, n, Z95)
    found = wilson(k, n)
    assert found.low == pytest.approx(low, abs=1e-9) and found.high == pytest.approx(high, abs=1e-9)


@pytest.mark.parametrize("interval", [wilson, clopper_pearson])
def test_no_trials_measure_nothing(interval):
    found = interval(0, 0)
    assert (found.value, found.low, found.high, found.n) == (None, None, None, 0)


@pytest.mark.parametrize("interval", [wilson, clopper_pearson])
def test_impossible_counts_are_refused(interval):
    with pytest.raises(ValueError, match="0 <= k <= n, not k=3, n=2"):
        interval(3, 2)
    with pytest.raises(ValueError, match="confidence lies between 0 and 1, not 95"):
        interval(1, 2, confidence=95)


# ---- means of scores ----


@given(st.lists(st.sampled_from([0.0, 1.0]), min_size=1, max_size=80))
def test_without_ties_the_mean_has_wilsons_interval(scores):
    found, plain = wilson_mean(np.array(scores)), wilson(sum(scores), len(scores))
    assert (found.value, found.low, found.high, found.n) == pytest.approx(
        (plain.value, plain.low, plain.high, plain.n)
    )


def test_ties_narrow_the_interval_but_a_handful_proves_little():
    coins, ties = wilson_mean(np.array([0.0, 1.0] * 5)), wilson_mean(np.full(10, 0.5))
    many = wilson_mean(np.full(10_000, 0.5))
    assert coins.low < ties.low < 0.4 < 0.49 < many.low < 0.5
    # by hand, n = 10: ties' variance .25 - .25 * 10 / 13.841 = .0694, so 10 * .25 / .0694 = 36.0 rows
    low, _ = naive.wilson_ends(0.5, 10 * 0.25 / (0.25 - 0.25 * 10 / (10 + Z95**2)), Z95)
    assert ties.low == pytest.approx(low, abs=1e-9)


def test_weights_count_by_their_effective_number():
    # half weights twice as many: Kish's size of m equal weights is m
    found = wilson_mean(np.array([1.0, 0.0] * 10), weights=np.full(20, 0.5))
    plain = wilson(10, 20)
    assert (found.low, found.high, found.n) == pytest.approx((plain.low, plain.high, 20))
    assert wilson_mean(np.array([1.0, 0.0]), weights=np.array([0.0, 0.0])).value is None


@pytest.mark.parametrize("share", [0.05, 0.3, 0.9])
def test_intervals_with_ties_cover_the_truth(share):
    generator, truth, hits = np.random.default_rng(0), share * 0.5 + (1 - share) * 0.8, 0
    for _ in range(300):
        scores = np.where(generator.random(100) < share, 0.5, generator.random(100) < 0.8)
        found = wilson_mean(scores)
        hits += found.low <= truth <= found.high
    assert hits / 300 >= 0.93


def test_bad_scores_are_refused():
    with pytest.raises(ValueError, match=r"values lie in \[0, 1\]"):
        wilson_mean(np.array([0.5, 1.5]))
    with pytest.raises(ValueError, match="vectors of one length"):
        wilson_mean(np.array([0.5]), weights=np.ones(2))
    with pytest.raises(ValueError, match=r"values lie in \[0, 1\]"):
        wilson_mean(np.array([0.5, np.nan]))


# ---- paired differences ----


def test_a_paired_difference_worked_by_hand():
    # 6 rows gained, 1 lost of 20: centre 5/22; spread 1.96 sqrt((8/22 - (5/22)^2) / 22)
    found = paired_difference(np.array([1] * 6 + [-1] + [0] * 13))
    assert found.value == 0.25
    half = Z95 * math.sqrt((8 / 22 - (5 / 22) ** 2) / 22)
    assert (found.low, found.high) == pytest.approx((5 / 22 - half, 5 / 22 + half))


def test_no_row_that_differs_is_no_certainty():
    found = paired_difference(np.zeros(50))
    assert found.value == 0 and found.low < -0.02 and found.high > 0.02
    assert paired_difference(np.array([])) == undefined(method="Agresti-Min, paired")
    with pytest.raises(ValueError, match=r"differences of scores lie in \[-1, 1\]"):
        paired_difference(np.array([2.0]))


# ---- bootstrap ----


def test_the_bootstrap_equals_its_slow_twin():
    x = np.random.default_rng(1).normal(size=37)

    def statistic(counts):
        return np.column_stack([counts @ x / 37, (counts @ x**2) / 37])

    draws = np.array(
        naive.bootstrap_draws(
            lambda rows: (np.mean(x[rows]), np.mean(x[rows] ** 2)), 37, seed=3, resamples=200
        )
    )
    found = bootstrap(statistic, 37, seed=3, resamples=200, confidence=0.9)
    for estimate, column, value in zip(found, draws.T, (x.mean(), (x**2).mean()), strict=True):
        low, high = np.quantile(column, [0.05, 0.95])
        assert (estimate.value, estimate.low, estimate.high) == pytest.approx((value, low, high))


def test_blocks_of_resamples_change_nothing(monkeypatch):
    x = np.random.default_rng(1).normal(size=(50, 1))
    whole = bootstrap(lambda counts: counts @ x, 50, seed=0, resamples=101)
    monkeypatch.setattr("weaklabel.stats.BLOCK_BYTES", 24 * 50 * 7)
    assert bootstrap(lambda counts: counts @ x, 50, seed=0, resamples=101) == whole


def test_the_seed_decides_and_the_global_generator_is_left_alone():
    x = np.arange(20.0)[:, None]
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    one, same, other = (bootstrap(lambda counts: counts @ x, 20, seed=s, resamples=50) for s in (1, 1, 2))
    assert one == same != other
    assert (np.random.get_state()[1] == before).all()  # noqa: NPY002


def test_undefined_resamples_and_values():
    def statistic(counts):
        some = np.where(counts[:, 0] > 0, counts[:, 0] / counts.sum(axis=1), np.nan)
        return np.column_stack([some, np.full(len(counts), np.nan), np.ones(len(counts))])

    some, never, constant = bootstrap(statistic, 5, seed=0, resamples=100)
    assert some.value == 0.2 and some.low >= 0.2
    assert never.value is None and never.n == 5
    assert (constant.low, constant.high, constant.method) == (None, None, "no interval: all rows are alike")


def test_a_statistic_of_the_wrong_shape_is_refused():
    with pytest.raises(ValueError, match=r"the statistic gave shape \(1,\) for 1 resamples"):
        bootstrap(lambda counts: counts.sum(axis=1), 5, seed=0)
    with pytest.raises(ValueError, match="no rows to resample"):
        bootstrap(lambda counts: counts, 0, seed=0)


# ---- Benjamini-Hochberg ----


@given(st.lists(st.integers(0, 1000).map(lambda i: i / 1000), max_size=30))
def test_benjamini_hochberg_equals_its_definition(p):
    assert benjamini_hochberg(p).tolist() == pytest.approx(naive.benjamini_hochberg(p))


def test_tests_that_were_not_made_count_for_nothing():
    adjusted = benjamini_hochberg([0.01, float("nan"), 0.04])
    assert adjusted[[0, 2]].tolist() == pytest.approx([0.02, 0.04]) and math.isnan(adjusted[1])
    with pytest.raises(ValueError):
        benjamini_hochberg([0.5, 1.5])
