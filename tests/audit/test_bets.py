"""Evidence that may be looked at after every label."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import hypergeom

import naive
from weaklabel.audit.bets import evidence_above, evidence_below, fewer, fixed_design, more, order_of, weights

EVEN = order_of(np.ones(200), np.full(200, 0.1))


@given(st.lists(st.booleans(), min_size=1, max_size=12), st.integers(2, 20))
def test_with_equal_weights_it_is_a_ratio_of_hypergeometric_likelihoods(wrong, tolerated):
    rows = 40
    order = order_of(np.ones(rows), np.full(rows, 0.1))
    found = evidence_below(order, np.array(wrong), tolerated)
    until = int((np.cumsum(wrong) <= tolerated).sum())
    others = [round(f * tolerated) for f in fewer((tolerated + 1) / rows)]
    assert found[:until] == pytest.approx(naive.evidence_of_draws(wrong[:until], rows, tolerated + 1, others))
    assert (found[until:] == 0).all()
    above = evidence_above(order, np.array(wrong), tolerated)
    others = [min(round(f * tolerated) + 1, rows) for f in more((tolerated + 1) / rows)]
    assert above[:until] == pytest.approx(naive.evidence_of_draws(wrong[:until], rows, tolerated, others))
    assert np.isinf(above[until:]).all()


@given(st.integers(0, 2**32 - 1), st.integers(1, 12))
def test_with_weights_it_is_what_lists_of_the_rows_left_give(seed, n):
    rng = np.random.default_rng(seed)
    weight, chance = rng.uniform(0.5, 2, 40), rng.uniform(0.01, 0.9, 40)
    wrong = rng.random(n) < 0.2
    wrong[np.cumsum(wrong) > 5] = False
    found = evidence_below(order_of(weight, chance), wrong, 6)
    by_hand = naive.evidence_of_weighted_draws(
        wrong.tolist(), weight.tolist(), chance.tolist(), 6, fewer(7 / 40)
    )
    assert found == pytest.approx(by_hand)


@pytest.mark.parametrize("weighted", [False, True])
def test_one_more_label_never_raises_the_mean_where_too_many_are_wrong(weighted):
    """The mean over the next draw of the evidence is at most what it was: exactly, by going through all next rows."""
    rng = np.random.default_rng(3)
    weight = rng.uniform(0.5, 2, 30) if weighted else np.ones(30)
    chance = rng.uniform(0.05, 0.6, 30)
    bad = np.zeros(30, dtype=bool)
    bad[rng.permutation(30)[:7]] = True
    for above, tolerated in ((False, 6), (True, 7)):
        for seen in (0, 3, 8):
            first, rest = np.arange(seen), np.arange(seen, 30)
            mean, before = 0.0, 1.0
            for i in rest:
                row = np.concatenate([first, [i], rest[rest != i]])
                order = order_of(weight[row], chance[row])
                of = evidence_above if above else evidence_below
                grown = of(order, bad[row][: seen + 1], tolerated)
                mean += weight[i] / weight[rest].sum() * grown[-1]
                before = grown[-2] if seen else 1.0
            assert mean <= before * (1 + 1e-9), (above, seen)


def test_rows_that_cannot_be_wrong_any_more_end_it():
    few = order_of(np.ones(10), np.full(10, 0.1))
    assert np.isinf(
        evidence_below(few, np.zeros(8, dtype=bool), 2)[7]
    )  # two rows left, three would have to be wrong
    assert evidence_below(few, np.zeros(7, dtype=bool), 2)[6] < np.inf
    assert evidence_below(few, np.array([True, True, True, False]), 2).tolist()[2:] == [0.0, 0.0]
    assert np.isinf(evidence_above(few, np.array([True, True, True, False]), 2)[2:]).all()


@given(st.lists(st.booleans(), min_size=2, max_size=30))
def test_evidence_so_far_does_not_depend_on_what_comes(wrong):
    whole = evidence_below(EVEN, np.array(wrong), 20)
    assert whole[: len(wrong) // 2] == pytest.approx(
        evidence_below(EVEN, np.array(wrong[: len(wrong) // 2]), 20)
    )


def test_the_fixed_design_is_the_first_that_has_the_power():
    found = fixed_design(2000, 200, 100, delta=0.05)
    for n, enough in ((found, True), (found - 1, False)):
        k = max(i for i in range(-1, n) if hypergeom.cdf(i, 2000, 201, n) <= 0.05)
        assert (k >= 0 and hypergeom.cdf(k, 2000, 100, n) >= 0.9) == enough


# --- the guarantee at the boundary: one error more than is tolerated

DRAWS, BOUND = 1000, 0.05 + 3 * (0.05 * 0.95 / 1000) ** 0.5


def reached(way, draws=DRAWS, n=1000, bad=101, most=500):
    false = 0
    chance = np.where(np.arange(n) % 4 == 0, 0.3, 0.03)
    wrong = np.zeros(n, dtype=bool)
    wrong[np.flatnonzero(chance > 0.1)[:80]] = True
    wrong[np.flatnonzero(chance < 0.1)[: bad - 80]] = True
    for i in range(draws):
        false += bool(way(np.random.default_rng([i, 1]), chance, wrong, bad, most))
    return false / draws


def alike(rng, chance, wrong, bad, most):
    mixed = rng.permutation(len(wrong))
    order = order_of(np.ones(len(wrong)), chance)
    return (evidence_below(order, wrong[mixed][:most], bad - 1) >= 20).any()


def by_chance(rng, chance, wrong, bad, most):
    weight = weights(chance)
    mixed = np.argsort(rng.exponential(size=len(wrong)) / weight)
    return (evidence_below(order_of(weight[mixed], chance[mixed]), wrong[mixed][:most], bad - 1) >= 20).any()


def more_wrong(rng, chance, wrong, bad, most):
    mixed = rng.permutation(len(wrong))
    return (evidence_above(order_of(np.ones(len(wrong)), chance), wrong[mixed][:most], bad) >= 20).any()


def more_wrong_by_chance(rng, chance, wrong, bad, most):
    weight = weights(chance)
    mixed = np.argsort(rng.exponential(size=len(wrong)) / weight)
    return (evidence_above(order_of(weight[mixed], chance[mixed]), wrong[mixed][:most], bad) >= 20).any()


def exact_test_at_every_look(rng, chance, wrong, bad, most):
    seen = wrong[rng.permutation(len(wrong))][:most].cumsum()
    return (hypergeom.cdf(seen, len(wrong), bad, np.arange(1, most + 1)) <= 0.05).any()


def weights_forgotten(rng, chance, wrong, bad, most):
    weight = 1 / weights(chance)  # what is probably right is drawn more often, and counted as if it were not
    mixed = np.argsort(rng.exponential(size=len(wrong)) / weight)
    return (evidence_below(order_of(np.ones(len(wrong)), chance), wrong[mixed][:most], bad - 1) >= 20).any()


@pytest.mark.parametrize("way", [alike, by_chance, more_wrong, more_wrong_by_chance])
def test_looked_at_after_every_label_a_verdict_is_false_as_rarely_as_it_says(way):
    assert reached(way) <= BOUND


@pytest.mark.parametrize("way", [exact_test_at_every_look, weights_forgotten])
def test_wrong_methods_do_not_pass_that_test(way):
    assert reached(way) > BOUND
