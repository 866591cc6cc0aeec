import math

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from weaklabel.kernels import em

INDPTR = np.array([0, 2, 3, 3])
CELLS = np.array([0, 3, 1], np.int32)
TABLE = np.log(np.array([[0.9, 0.2], [0.1, 0.8], [0.5, 0.5], [0.7, 0.4]]))
BASE = np.log(np.array([0.6, 0.4]))
COUNTS = np.array([2.0, 1.0, 5.0])
JOINT = np.array([[0.6 * 0.9 * 0.7, 0.4 * 0.2 * 0.4], [0.6 * 0.1, 0.4 * 0.8], [0.6, 0.4]])
POSTERIOR = JOINT / JOINT.sum(axis=1, keepdims=True)


def test_posterior_by_hand():
    assert np.allclose(em.posterior(INDPTR, CELLS, TABLE, BASE), POSTERIOR, rtol=0, atol=1e-15)


def test_a_pass_by_hand():
    total, classes, expected = em.em_pass(INDPTR, CELLS, COUNTS, np.zeros((0, 2)), TABLE, BASE)
    assert math.isclose(total, COUNTS @ np.log(JOINT.sum(axis=1)), abs_tol=1e-14)
    assert np.allclose(classes, COUNTS @ POSTERIOR)
    assert np.allclose(expected, [2 * POSTERIOR[0], POSTERIOR[1], [0, 0], 2 * POSTERIOR[0]])


def test_a_pass_with_gold_by_hand():
    gold = np.array([[0.0, 1.0], [0.0, 0.0], [2.0, 3.0]])
    total, classes, expected = em.em_pass(INDPTR, CELLS, COUNTS, gold, TABLE, BASE)
    shares = np.array([POSTERIOR[0] + [0, 1], POSTERIOR[1], [2, 3]])
    by_hand = math.log(JOINT[0].sum()) + math.log(JOINT[0, 1]) + math.log(JOINT[1].sum())
    assert math.isclose(total, by_hand + 2 * math.log(0.6) + 3 * math.log(0.4), abs_tol=1e-14)
    assert np.allclose(classes, shares.sum(axis=0))
    assert np.allclose(expected, [shares[0], shares[1], [0, 0], shares[0]])


def test_scores_far_below_zero_stay_finite():
    table = np.full((4, 2), -1e6)
    total, _, _ = em.em_pass(INDPTR, CELLS, COUNTS, np.zeros((0, 2)), table, BASE)
    assert np.isfinite(total)
    assert np.allclose(em.posterior(INDPTR, CELLS, table, BASE), [0.6, 0.4])


def test_expected_events_by_hand():
    weights = np.array([[1.0, 0.0], [0.25, 0.75], [9.0, 9.0]])
    assert em.expected_events(INDPTR, CELLS, weights, 4).tolist() == [[1, 0], [0.25, 0.75], [0, 0], [1, 0]]


def test_keep_unanimous_rescores_only_what_was_overruled():
    indptr = np.array([0, 1, 3, 4, 6])
    who = np.array([0, 0, 1, 1, 0, 1], np.int32)
    codes = np.array(
        [1, 1, 0, 1, 1, -1], np.int8
    )  # one vote; a conflict; a poor voter; a vote and an abstention
    better = np.array([[True, True], [True, False]])
    votes = np.log(np.array([[[0.9, 0.1], [0.2, 0.6]], [[0.9, 0.1], [0.6, 0.2]]]))
    out = np.tile([0.9, 0.1], (4, 1))
    assert em.keep_unanimous(indptr, who, codes, better, votes, 1e-9, out) == 2
    assert np.allclose(out, [[0.25, 0.75], [0.9, 0.1], [0.9, 0.1], [0.25, 0.75]])
    assert em.keep_unanimous(indptr, who, codes, better, votes, 1e-9, out) == 0


@settings(max_examples=60)
@given(st.integers(0, 10**6), st.integers(2, 5), st.integers(1, 2))
def test_mixed_answers_are_means_of_posteriors_with_unanimous_votes_kept(seed, k, models):
    rng = np.random.default_rng(seed)
    n, m, width = 12, 4, k + 2
    dense = np.where(rng.random((n, m)) < 0.6, rng.integers(-2, k, (n, m)), -1)
    rows = [[j * width + int(v) + 2 for j, v in enumerate(row) if v != -1] for row in dense]
    indptr = np.cumsum([0, *map(len, rows)])
    cells = np.array([cell for row in rows for cell in row], np.int32)
    table, base = rng.normal(0, 2, (models, m * width, k)), rng.normal(0, 1, (models, k))
    by_vote = rng.normal(0, 2, (m, width, k))
    by_vote[:, :2] = 0
    weights = rng.dirichlet(np.ones(models))
    better = rng.random((m, k)) < 0.8
    expected = sum(
        w * em.posterior(indptr, cells, t, b) for w, t, b in zip(weights, table, base, strict=True)
    )
    who, codes = cells // width, (cells % width - 2).astype(np.int8)
    em.keep_unanimous(indptr, who, codes, better, np.ascontiguousarray(by_vote[:, 2:]), 1e-9, expected)
    out, votes = np.empty((n, k)), np.full((m, width), -1)
    votes[:, 2:] = np.where(better, np.arange(k), -2)
    alone = by_vote.reshape(-1, k)
    em.mixed_of_many(indptr, cells, base, table, weights, votes.reshape(-1), alone, 1e-9, out)
    assert np.allclose(out, expected, rtol=0, atol=1e-14)
    if k == models == 2:
        flags = np.tile([0, 0, 1, 1 << 20], m) + (votes.reshape(-1) == -2) * (1 << 40)
        favour = np.ascontiguousarray((table[:, :, 1] - table[:, :, 0]).T)
        parts = base[:, 1] - base[:, 0], favour, weights, flags, alone[:, 1] - alone[:, 0]
        em.mixed_of_two(indptr, cells, *parts, 1e-9, out)
        assert np.allclose(out, expected, rtol=0, atol=1e-14)


def test_mixed_answers_keep_unanimous_votes_by_hand():
    """Cells of two labelers: one vote; a conflict; a vote that isn't trusted; a vote and an abstention."""
    indptr, cells = np.array([0, 1, 3, 4, 6]), np.array([3, 3, 6, 7, 3, 5], np.int32)
    alone = np.log(np.array([[1, 1], [1, 1], [0.9, 0.1], [0.2, 0.6]] * 2))
    base, table = np.log([[0.9, 0.1]]), np.zeros((1, 8, 2))
    expected = [[0.25, 0.75], [0.9, 0.1], [0.9, 0.1], [0.25, 0.75]]
    out, one = np.empty((4, 2)), np.ones(1)
    em.mixed_of_many(
        indptr, cells, base, table, one, np.array([-1, -1, 0, 1, -1, -1, 0, -2]), alone, 1e-9, out
    )
    assert np.allclose(out, expected)
    flags = np.array([0, 0, 1, 1 << 20, 0, 0, 1, (1 << 20) + (1 << 40)])
    twice, halves = np.repeat(base[:, 1] - base[:, 0], 2), np.array([0.25, 0.75])
    favour = twice, np.zeros((8, 2)), halves, flags, alone[:, 1] - alone[:, 0]
    em.mixed_of_two(indptr, cells, *favour, 1e-9, out)
    assert np.allclose(out, expected)
