import math

import numpy as np

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
