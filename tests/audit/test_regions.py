"""Nested regions, their exact tests, and the guarantee: certificates are false no more often than they say."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import hypergeom

import naive
from weaklabel.audit.certificate import Goal
from weaklabel.audit.certifying import pilot_size, ranks, strength
from weaklabel.audit.ranking import chance_wrong, evidence
from weaklabel.audit.regions import Aim, Nested, aim, cut, fewest_labels, measure, outward, tail
from weaklabel.errors import GoldError


@pytest.mark.parametrize(("error", "least"), [(0.01, 299), (0.02, 149), (0.05, 59), (0.1, 29)])
def test_the_fewest_labels_of_a_large_corpus_are_those_of_the_formula(error, least):
    assert fewest_labels(10**7, error, 0.95) == least == int(np.ceil(np.log(0.05) / np.log(1 - error)))


@given(st.integers(1, 80), st.sampled_from([0.01, 0.05, 0.1, 0.3]), st.sampled_from([0.8, 0.95, 0.99]))
def test_the_fewest_labels_are_the_first_that_can_pass(rows, error, confidence):
    least = fewest_labels(rows, error, confidence)
    bad = int(np.floor(error * rows + 1e-9)) + 1
    assert naive.chance_of_so_few(0, least, rows, bad) <= 1 - confidence + 1e-9
    if least:
        assert naive.chance_of_so_few(0, least - 1, rows, bad) > 1 - confidence - 1e-9


@given(st.data())
def test_the_tail_is_that_of_counting_and_of_scipy(data):
    rows = data.draw(st.integers(1, 40))
    bad = data.draw(st.integers(1, rows))
    checked = data.draw(st.integers(0, rows))
    wrong = data.draw(st.integers(0, checked))
    found = tail(wrong, checked, rows, bad)
    assert found == pytest.approx(naive.chance_of_so_few(wrong, checked, rows, bad), abs=1e-12)
    assert found == pytest.approx(hypergeom.cdf(wrong, rows, bad, checked), abs=1e-12)


@given(st.integers(0, 2**32 - 1), st.integers(1, 30))
def test_regions_are_measured_as_by_hand(seed, n):
    rng = np.random.default_rng(seed)
    chance = rng.random(n)
    rank = ranks(chance, rng.permutation(n))
    checked = rng.permutation(n)[: rng.integers(0, n + 1)]
    wrong = rng.random(len(checked)) < 0.4
    sizes = cut(n, 5)
    found = measure(rank, chance, checked, wrong, sizes)
    by_hand = naive.nested_regions(np.argsort(rank).tolist(), chance, checked.tolist(), wrong, sizes)
    assert found.left.tolist() == [left for left, _, _ in by_hand]
    assert found.wrong.tolist() == [bad for _, bad, _ in by_hand]
    assert found.guess == pytest.approx([guess for _, _, guess in by_hand])


def test_the_tests_stop_at_the_first_failure():
    regions = Nested(np.array([100, 200, 300]), np.array([100, 200, 300]), np.zeros(3, int), np.full(3, 0.01))
    checked, wrong = np.array([60, 110, 220]), np.array([0, 6, 6])
    last, p = outward(regions, checked, wrong, error=0.05, delta=0.05, chosen=Aim(0, 2, 0.0, 0.0))
    assert last == 0
    assert len(p) == 2  # the third would pass and is not reached
    assert p[1] > 0.05 > tail(6, 220, 300, 16)


def test_errors_known_before_count_against_a_region():
    clean = Nested(np.array([100]), np.array([80]), np.array([0]), np.array([0.01]))
    dirty = Nested(np.array([100]), np.array([80]), np.array([6]), np.array([0.01]))
    chosen = Aim(0, 0, 0.0, 0.0)
    assert outward(clean, np.array([40]), np.array([0]), error=0.05, delta=0.05, chosen=chosen)[0] == 0
    assert outward(dirty, np.array([80]), np.array([0]), error=0.05, delta=0.05, chosen=chosen) == (-1, [1.0])


def test_a_region_of_which_all_is_known_is_judged_by_what_is_known():
    regions = Nested(np.array([20]), np.array([10]), np.array([1]), np.array([0.1]))
    chosen = Aim(0, 0, 0.0, 0.0)
    assert outward(regions, np.array([10]), np.array([0]), error=0.05, delta=0.05, chosen=chosen)[0] == 0
    assert outward(regions, np.array([10]), np.array([1]), error=0.05, delta=0.05, chosen=chosen)[0] == -1
    with pytest.raises(GoldError, match="more labels were checked than there are rows"):
        outward(regions, np.array([11]), np.array([1]), error=0.05, delta=0.05, chosen=chosen)


def test_the_aim_is_where_most_rows_may_be_expected():
    rows = np.array([200, 400, 600, 800, 1000])
    guess = np.array([0.002, 0.004, 0.006, 0.15, 0.3])
    chosen = aim(Nested(rows, rows, np.zeros(5, int), guess), 200, error=0.05, delta=0.05, strength=200)
    assert chosen.outer == 2  # the next region holds too many errors
    size = int(rows[chosen.start])
    n = round(200 * size / 600)
    most = sum(hypergeom.cdf(k, size, size // 20 + 1, n) <= 0.05 for k in range(n)) - 1
    rng = np.random.default_rng(0)
    share = guess[chosen.start]
    wrong = rng.binomial(n, rng.beta(share * 200, (1 - share) * 200, size=200_000))
    assert chosen.passing == pytest.approx((wrong <= most).mean(), abs=0.01)
    assert chosen.expected > 0.5 * 600


# --- the guarantee, at the boundary: every region by confidence holds one error more than is tolerated


def boundary(error, n=1000, levels=20):
    confidence = np.linspace(0.99, 0.6, levels).repeat(n // levels)
    wrong = np.zeros(n, dtype=bool)
    for j in range(levels):
        size = n // levels * (j + 1)
        low = size - n // levels
        missing = int(np.floor(error * size + 1e-9)) + 1 - wrong.sum()
        wrong[low : low + missing] = True
    return evidence(pl.DataFrame({"label": ["x"] * n, "confidence": confidence})), confidence, wrong


def false_certificates(way, error, labels, draws):
    found, confidence, wrong = boundary(error)
    false = 0
    for i in range(draws):
        rng = np.random.default_rng([i, labels])
        rank, size = way(found, confidence, wrong, error, labels, rng)
        false += wrong[rank < size].sum() > np.floor(error * size + 1e-9)
    return false / draws


def ours(found, confidence, wrong, error, labels, rng):
    n = len(wrong)
    mixed = rng.permutation(n)
    pilot = mixed[: pilot_size(n, Goal(error, labels))]
    chance = chance_wrong(found, pilot, wrong[pilot])[found.kind]
    rank = ranks(chance, rng.random(n))
    regions = measure(rank, chance, pilot, wrong[pilot], cut(n))
    left = labels - len(pilot)
    chosen = aim(regions, left, error=error, delta=0.05, strength=strength(len(pilot)))
    rest = mixed[len(pilot) :]
    drawn = rest[rank[rest] < regions.rows[chosen.outer]][:left]
    checked, bad = counts(rank, drawn, wrong, regions.rows)
    last, _ = outward(regions, checked, bad, error=error, delta=0.05, chosen=chosen)
    return rank, regions.rows[last] if last >= 0 else 0


def counts(rank, drawn, wrong, sizes):
    region = np.searchsorted(sizes, rank[drawn], side="right")
    many = len(sizes)
    return np.bincount(region, minlength=many).cumsum(), np.bincount(
        region[wrong[drawn]], minlength=many
    ).cumsum()


def best_of_a_grid(found, confidence, wrong, error, labels, rng):
    rank, sizes = ranks(1 - confidence, rng.random(len(wrong))), cut(len(wrong))
    checked, bad = counts(rank, rng.permutation(len(wrong))[:labels], wrong, sizes)
    passed = hypergeom.cdf(bad, sizes, np.floor(error * sizes + 1e-9) + 1, checked) <= 0.05
    return rank, sizes[passed].max(initial=0)


def error_among_the_checked(found, confidence, wrong, error, labels, rng):
    rank, sizes = ranks(1 - confidence, rng.random(len(wrong))), cut(len(wrong))
    checked, bad = counts(rank, rng.permutation(len(wrong))[:labels], wrong, sizes)
    return rank, sizes[bad <= error * checked].max(initial=0)


def trusted_probabilities(found, confidence, wrong, error, labels, rng):
    rank = ranks(1 - confidence, rng.random(len(wrong)))
    mean = np.cumsum(np.sort(1 - confidence)) / np.arange(1, len(wrong) + 1)
    return rank, (mean <= error).sum()


def pilot_labels_used_again(found, confidence, wrong, error, labels, rng):
    n = len(wrong)
    drawn = rng.permutation(n)[:labels]
    chance = chance_wrong(found, drawn, wrong[drawn])[found.kind]
    rank, sizes = ranks(chance, rng.random(n)), cut(n)
    checked, bad = counts(rank, drawn, wrong, sizes)
    p = hypergeom.cdf(bad, sizes, np.floor(error * sizes + 1e-9) + 1, checked)
    start = int(p.argmin())
    return rank, sizes[start] if p[start] <= 0.05 else 0


DRAWS, BOUND = 400, 0.05 + 3 * (0.05 * 0.95 / 400) ** 0.5


def test_at_the_boundary_certificates_are_false_as_rarely_as_they_say():
    assert false_certificates(ours, 0.1, 200, DRAWS) <= BOUND


@pytest.mark.parametrize(
    "way", [best_of_a_grid, error_among_the_checked, trusted_probabilities, pilot_labels_used_again]
)
def test_wrong_methods_do_not_pass_that_test(way):
    assert false_certificates(way, 0.1, 200, DRAWS) > BOUND


# --- the model of errors


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 2**32 - 1))
def test_the_model_of_errors_is_a_logistic_regression(seed):
    rng = np.random.default_rng(seed)
    n = 8
    rows = pl.DataFrame(
        {
            "label": rng.choice(["x", "y"], n),
            "confidence": rng.uniform(0.5, 1, n),
            "on:a": rng.integers(-1, 2, n),
        }
    )
    found = evidence(rows)
    wrong = rng.random(n) < 0.5
    places = np.arange(n)
    features, offset = found.features[found.kind], 0.5 * found.start[found.kind]
    weights = naive.most_probable_weights(features.tolist(), offset.tolist(), wrong.tolist())
    expected = 1 / (1 + np.exp(-offset - features @ np.array(weights)))
    assert chance_wrong(found, places, wrong)[found.kind] == pytest.approx(expected, abs=1e-5)
    mixed = rng.permutation(n)
    assert chance_wrong(found, places[mixed], wrong[mixed]) == pytest.approx(
        chance_wrong(found, places, wrong), abs=1e-9
    )
