"""Intervals of shares from stratified samples: the twin, the exact one, coverage, and what fails to cover."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import hypergeom

import naive
from weaklabel.audit.proportions import FEW, POOLED, RARE, STEP, exact_interval, stratified_proportion
from weaklabel.stats import wilson

DRAWS = 3000


def of_one(hits, rows, share, left=1.0, spread=0.0, **options):
    found = stratified_proportion(
        np.array([hits]), np.array(rows), np.array(share), left=left, spread=spread, **options
    )
    return [float(v[0]) for v in found]


@given(st.data())
@settings(max_examples=15)
def test_the_twin(data):
    strata = data.draw(st.integers(1, 4))
    rows = data.draw(st.lists(st.integers(1, 30), min_size=strata, max_size=strata))
    hits = [data.draw(st.integers(0, n)) for n in rows]
    sizes = [n * data.draw(st.integers(2, 20)) for n in rows]
    share, left = [s / sum(sizes) for s in sizes], [1 - n / s for n, s in zip(rows, sizes, strict=True)]
    spread = [data.draw(st.sampled_from([0.0, 0.5, 1.0])) for _ in rows]
    found = of_one(hits, rows, share, np.array(left), np.array(spread))
    expected = naive.share_interval(
        hits, rows, share, left, spread, pooled=POOLED, few=FEW, rare=RARE, step=STEP
    )
    assert found == pytest.approx(expected, abs=2e-5)


@pytest.mark.parametrize("hits", [8, 20, 35, 50, 80])
def test_one_stratum_is_wilson_with_one_row_less(hits):
    _, low, high = of_one([hits], [100], [1.0], step=0.0)
    same = wilson(hits / 100 * 99, 99)
    assert low == pytest.approx(same.low, abs=1e-6) and high == pytest.approx(same.high, abs=1e-6)


@given(st.data())
@settings(max_examples=50)
def test_ends_lie_around_the_value_and_hits_and_misses_mirror(data):
    rows = np.array(data.draw(st.lists(st.integers(2, 40), min_size=1, max_size=6)))
    hits = np.array([data.draw(st.integers(0, int(n))) for n in rows])
    share = rows / rows.sum()
    p, low, high = of_one(hits, rows, share)
    q, below, above = of_one(rows - hits, rows, share)
    assert 0 <= low <= p <= high <= 1
    assert [p, low, high] == pytest.approx([1 - q, 1 - above, 1 - below], abs=1e-6)


def test_the_order_of_strata_and_splitting_off_an_empty_one_change_nothing():
    hits, rows, share = [9, 4, 20], [10, 12, 20], [0.5, 0.2, 0.3]
    plain = of_one(hits, rows, share)
    assert of_one(hits[::-1], rows[::-1], share[::-1]) == pytest.approx(plain, abs=1e-9)
    assert of_one([*hits, 0], [*rows, 0], [*share, 0.0]) == pytest.approx(plain, abs=1e-9)


def test_everything_drawn_leaves_no_doubt():
    p, low, high = of_one([45, 20], [50, 50], [0.5, 0.5], left=0.0)
    assert (low, high) == pytest.approx((p, p), abs=1e-3)


def test_no_error_at_all_is_doubted_most_where_few_rows_stand_for_many():
    even = of_one([50, 50], [50, 50], [0.5, 0.5])[1]
    uneven = of_one([10, 90], [10, 90], [0.5, 0.5])[1]
    assert 0.9 < even < 1 and uneven < even - 0.05


def test_many_samples_at_once_are_each_as_alone():
    rng = np.random.default_rng(0)
    hits = rng.binomial(20, 0.8, size=(50, 3))
    rows, share = np.array([20, 20, 20]), np.array([0.2, 0.3, 0.5])
    together = np.array(stratified_proportion(hits, rows, share))
    assert together[:, 7] == pytest.approx(of_one(hits[7], rows, share), abs=1e-9)


# ---- the exact interval ----


@given(st.integers(1, 40), st.data())
@settings(max_examples=40)
def test_exact_twin(population, data):
    rows = data.draw(st.integers(1, population))
    hits = data.draw(st.integers(0, rows))
    assert exact_interval(hits, rows, population)[1:] == pytest.approx(
        naive.exact_share(hits, rows, population)
    )


@pytest.mark.parametrize("right", [0, 3, 50, 180, 199, 200])
def test_exact_covers_by_the_hypergeometric_distribution(right):
    chance = hypergeom.pmf(np.arange(41), 200, right, 40)
    covered = [
        low <= right / 200 <= high for low, high in (exact_interval(k, 40, 200)[1:] for k in range(41))
    ]
    assert chance @ np.array(covered) >= 0.95


def test_exact_refuses_what_is_no_sample():
    with pytest.raises(ValueError, match="5 hits in 4 rows of 10 is no sample"):
        exact_interval(5, 4, 10)


# ---- guarantees, with a bound that the normal interval fails ----


def wald(x, n, share, *, left):
    q = x / n
    p = (share * q).sum(axis=1)
    half = 1.96 * np.sqrt((share**2 * left * q * (1 - q) / (n - 1)).sum(axis=1))
    return p, p - half, p + half


def coverage(way, right, counts, take, seed=0, draws=DRAWS):
    rng = np.random.default_rng(seed)
    counts, right, take = np.array(counts), np.array(right), np.array(take)
    x = np.stack(
        [rng.hypergeometric(k, n - k, m, draws) for k, n, m in zip(right, counts, take, strict=True)], axis=1
    )
    _, low, high = way(x, take, counts / counts.sum(), left=1 - take / counts)
    truth = right.sum() / counts.sum()
    return ((low <= truth + 1e-12) & (truth <= high + 1e-12)).mean()


LAYOUTS = {
    "as right as labels mostly are": ([880, 700, 900, 600], [1000] * 4, [25] * 4),
    "nearly all right": ([990, 985, 995, 990], [1000] * 4, [25] * 4),
    "errors where few are drawn": ([3800, 500, 500, 500], [4000, 500, 500, 500], [40, 20, 20, 20]),
    "errors in one small stratum": ([3000, 100], [3000, 200], [60, 40]),
    "every second stratum wrong": ([0, 500, 0, 500, 0, 500], [500] * 6, [17] * 6),
    "five in a thousand": ([4000, 975], [4000, 1000], [60, 40]),
    "a small corpus": ([180, 90], [200, 120], [60, 40]),
}


@pytest.mark.parametrize("name", LAYOUTS)
def test_the_interval_covers(name):
    assert coverage(stratified_proportion, *LAYOUTS[name]) >= 0.935


def test_the_normal_interval_fails_that_bound():
    failed = [name for name, layout in LAYOUTS.items() if coverage(wald, *layout) < 0.935]
    assert {"nearly all right", "errors where few are drawn", "five in a thousand"} <= set(failed)


def test_without_its_care_for_few_errors_the_interval_fails(monkeypatch):
    monkeypatch.setattr("weaklabel.audit.proportions.FEW", 0.0)
    layout = ([995], [1000], [100])
    assert coverage(stratified_proportion, *layout) < 0.925
    monkeypatch.undo()
    assert coverage(stratified_proportion, *layout) >= 0.935
