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
    cells = (who * 4 + codes + 2).astype(np.int32)
    better = of_votes([[[True, False], [False, True]], [[True, False], [False, False]]])
    votes = of_votes(np.log(np.array([[[0.9, 0.1], [0.2, 0.6]], [[0.9, 0.1], [0.6, 0.2]]])))
    out = np.tile([0.9, 0.1], (4, 1))
    both = np.eye(2, dtype=bool)
    assert em.keep_unanimous(indptr, cells, both, better, votes, 1e-9, out) == 2
    assert np.allclose(out, [[0.25, 0.75], [0.9, 0.1], [0.9, 0.1], [0.25, 0.75]])
    assert em.keep_unanimous(indptr, cells, both, better, votes, 1e-9, out) == 0


def of_votes(table):
    """A table by labeler, code and class as one by cell and class; nothing for silence."""
    table = np.asarray(table)
    m, _, k = table.shape
    return np.concatenate([np.zeros((m, 2, k), table.dtype), table], axis=1).reshape(-1, k)


def test_unanimous_votes_for_several_classes_have_one_in_common():
    """Codes 3: a or b, 4: b or c, of two labelers who are trusted but for the last case."""
    members = np.vstack([np.eye(3, dtype=bool), [[1, 1, 0], [0, 1, 1]]]).astype(bool)
    said = [0, 3], [3, 4], [0, 4], [3, 3], [3, -1]
    indptr = np.arange(0, 11, 2)
    cells = np.array([j * 7 + code + 2 for row in said for j, code in enumerate(row)], np.int32)
    logs = np.where(members, 0.0, np.log(0.25))
    votes = of_votes([logs, logs])
    out = np.tile([0.1, 0.1, 0.8], (5, 1))
    better = of_votes([members, members])
    trusted = out.copy()
    assert em.keep_unanimous(indptr, cells, members, better, votes, 1e-9, trusted) == 2
    assert np.allclose(trusted[0], np.array([1, 0.25, 0.0625]) / 1.3125)  # a; and a or b
    assert np.allclose(trusted[1], np.array([0.25, 1, 0.25]) / 1.5)  # a or b; and b or c
    assert (trusted[2:] == out[2:]).all()  # nothing in common; two in common; the same
    better[2 + 4 + 7, 1] = False  # the second labeler's "b or c" is no sign of b
    doubted = out.copy()
    assert em.keep_unanimous(indptr, cells, members, better, votes, 1e-9, doubted) == 1
    assert (doubted[1] == out[1]).all()


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
    trusted = of_votes(better[:, :, None] & np.eye(k, dtype=bool))
    em.keep_unanimous(indptr, cells, np.eye(k, dtype=bool), trusted, by_vote.reshape(-1, k), 1e-9, expected)
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


@settings(max_examples=40)
@given(st.integers(0, 10**6), st.booleans())
def test_a_pass_over_coins_is_a_pass_over_a_table(seed, with_gold):
    """Codes 3: 0 or 1, 4: 1 or 2, of three classes."""
    rng = np.random.default_rng(seed)
    members = np.vstack([np.eye(3, dtype=bool), [[1, 1, 0], [0, 1, 1]]]).astype(bool)
    n, m, size = 9, 4, 5
    dense = np.where(rng.random((n, m)) < 0.7, rng.integers(-2, size, (n, m)), -1)
    rows, who = np.nonzero(dense != -1)
    codes = dense[rows, who].astype(np.int8)
    indptr = np.searchsorted(rows, np.arange(n + 1))
    right, wrong = np.log(rng.uniform(0.4, 0.9, (m, size))), np.log(rng.uniform(0.1, 0.5, (m, size)))
    base, counts = np.log([0.5, 0.3, 0.2]), rng.integers(1, 5, n).astype(float)
    gold = np.zeros((n if with_gold else 0, 3))
    gold[:1, 2] = counts[0]
    table = np.zeros((m, size + 2, 3))
    table[:, 2:] = np.where(members, right[:, :, None], wrong[:, :, None])
    sizes = members.sum(axis=1)
    events = indptr, who.astype(np.int32), codes
    total, classes, hits = em.coin_pass(*events, counts, gold, members, sizes, right, wrong, base)
    cells = (who * (size + 2) + codes + 2).astype(np.int32)
    expected = em.em_pass(indptr, cells, counts, gold, table.reshape(-1, 3), base)
    assert np.isclose(total, expected[0], rtol=1e-12)
    assert np.allclose(classes, expected[1], rtol=1e-12)
    said = expected[2].reshape(m, size + 2, 3)[:, 2:] * members
    assert np.allclose(hits[:, 0], said[:, :3].sum(axis=(1, 2)), rtol=1e-12)
    assert np.allclose(hits[:, 1], said[:, 3:].sum(axis=(1, 2)), rtol=1e-12)
    assert (hits[:, 2] == 0).all()


@settings(max_examples=40)
@given(st.integers(0, 10**6), st.integers(0, 2))
def test_pairs_are_counted_where_both_speak_of_the_class(seed, first):
    rng = np.random.default_rng(seed)
    signs = np.array([[1, -1, -1], [-1, 1, -1], [-1, -1, 1], [0, 0, -1], [-1, 0, 0]], np.int8)
    n, m = 9, 4
    dense = np.where(rng.random((n, m)) < 0.7, rng.integers(-2, 5, (n, m)), -1)
    rows, who = np.nonzero(dense != -1)
    indptr = np.searchsorted(rows, np.arange(n + 1))
    slots = np.array([0, -1, 1, 2], np.int32)
    counts = rng.integers(1, 5, n)
    events = indptr, slots[who], dense[rows, who].astype(np.int8), counts
    both, one = em.signed_pairs(*events, 3, signs, first, 3)
    used = dense[:, slots >= 0]
    for i in range(3):
        for j in range(3):
            for y in range(first, 3):
                said = [
                    (int(signs[a, y] * signs[b, y]), c)
                    for (a, b), c in zip(used[:, [i, j]].tolist(), counts.tolist(), strict=True)
                    if a >= 0 and b >= 0 and i != j
                ]
                assert both[y - first, i, j] == sum(c for sign, c in said if sign)
                assert one[y - first, i, j] == sum(c for sign, c in said if sign < 0)


def test_votes_for_several_classes_do_not_decide_whether_a_row_is_scored_by_its_votes():
    """Cells of two labelers with codes 0 to 2 and 3, "0 or 1"; the first says 0, the second 3.

    Without the second vote class 0 wins; with it class 1 does, by votes and not by silence, and that stands.
    """
    indptr, cells = np.array([0, 2, 3]), np.array([2, 11, 2], np.int32)
    base, table = np.zeros((1, 3)), np.zeros((1, 12, 3))
    table[0, 2], table[0, 11] = np.log([0.5, 0.3, 0.2]), np.log([0.1, 0.8, 0.1])
    votes = np.array([-1, -1, 0, 1, 2, -3, -1, -1, 0, 1, 2, -3])
    out, alone = np.empty((2, 3)), table[0] * 2
    em.mixed_of_many(indptr, cells, base, table, np.ones(1), votes, alone, 1e-9, out)
    assert np.allclose(out, [[5 / 31, 24 / 31, 2 / 31], [0.5, 0.3, 0.2]])
    base[0, 2] = np.log(10.0)  # now class 0 is overruled without it: both votes count, the rest doesn't
    em.mixed_of_many(indptr, cells, base, table, np.ones(1), votes, alone, 1e-9, out)
    first, both = np.array([0.25, 0.09, 0.04]), np.array([0.0025, 0.0576, 0.0004])
    assert np.allclose(out, [both / both.sum(), first / first.sum()])
