from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize

import naive
from weaklabel.label_matrix import as_patterns
from weaklabel.label_model import correction
from weaklabel.label_model.correction import CAUTION, Correction, fit_correction


@pytest.fixture
def caution_one(monkeypatch):
    monkeypatch.setattr(correction, "CAUTION", (1.0,))


def softmax(z):
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def problem(seed, n=60, m=4, k=3, g=20):
    """Votes, scores of a model that is a little wrong, and gold of `g` rows as a table per pattern."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, k, n)
    votes = np.where(rng.random((n, m)) < 0.7, truth[:, None], rng.integers(0, k, (n, m)))
    votes[rng.random((n, m)) < 0.4] = -1
    patterns = as_patterns(votes)
    scores = rng.normal(size=(len(patterns), k))
    codes = np.where(rng.permutation(n) < g, truth, -1)
    return patterns, scores, patterns.gold_table(codes, n_classes=k).astype(float)


@settings(max_examples=25)
@given(st.integers(0, 10**6), st.integers(2, 4), st.integers(1, 5), st.integers(4, 40))
def test_the_minimum_is_that_of_the_plain_formula(seed, k, m, g):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(correction, "CAUTION", (1.0,))
        check_minimum(seed, k, m, g)


def check_minimum(seed, k, m, g):
    patterns, scores, gold = problem(seed, m=m, k=k, g=g)
    found = fit_correction(scores, patterns, gold)
    if found is None:
        assert np.count_nonzero(gold.sum(axis=0)) < 2
        return
    size = 1 + k + k * k + m * k * k
    rows = [dict(zip(who.tolist(), said.tolist(), strict=True)) for who, said in naive_rows(patterns)]
    loss = lambda point: naive.correction_loss(point, scores, rows, gold, m)  # noqa: E731
    point = np.concatenate([[np.log(found.scale)], found.bias, found.leaning.ravel(), found.weights.ravel()])
    rng = np.random.default_rng(seed)
    here = loss(point)
    for _ in range(10):  # a minimum: no step away from it is lower
        assert loss(point + 1e-3 * rng.normal(size=size)) > here
    other = minimize(
        loss, np.zeros(size), method="L-BFGS-B", options={"ftol": 1e-14, "gtol": 1e-8, "maxfun": 10**6}
    )
    assert other.fun >= here - 1e-9
    assert np.abs(other.x - point).max() < 2e-3


def naive_rows(patterns):
    for u in range(len(patterns)):
        part = slice(patterns.indptr[u], patterns.indptr[u + 1])
        keep = patterns.codes[part] >= 0
        yield patterns.labeler_index[part][keep], patterns.codes[part][keep]


def test_one_vote_worked_by_hand(caution_one):
    # One rule, one pattern, two classes, scores of zero: by symmetry the scale stays 1 and z = e, -e, where
    # e = c + d + b is shared out as c : d : b = 1 / BIAS : 1 / WEIGHT : 1 / WEIGHT = 1 / 1.5 : 1 : 1 and the slope of
    # the loss is zero: n (q - right / n) + 2 * 1.5 c = 0.
    patterns = as_patterns([[0]])
    found = fit_correction(np.zeros((1, 2)), patterns, np.array([[8.0, 2.0]]))
    c, d, b = found.bias[0], found.leaning[0, 0], found.weights[0, 0, 0]
    assert found.scale == 1.0
    assert b == pytest.approx(1.5 * c)
    assert d == pytest.approx(b)
    assert (found.leaning[1] == 0).all() and (found.weights[0, 1] == 0).all()  # nobody says 1
    q = 1 / (1 + np.exp(-2 * (c + d + b)))
    assert 10 * q - 8 + 3 * c == pytest.approx(0, abs=1e-12)
    assert found.bias.sum() == pytest.approx(0, abs=1e-12)
    assert found.n_gold == 10


def test_the_mean_over_cautions_is_that_of_the_plain_formula():
    patterns, scores, gold = problem(1, m=2, k=2)
    found = fit_correction(scores, patterns, gold)
    rows = [dict(zip(who.tolist(), said.tolist(), strict=True)) for who, said in naive_rows(patterns)]
    plain = [naive.correction_evidence(scores, rows, gold, 2, t) for t in CAUTION]
    weight = np.exp([e - max(e for _, e in plain) for _, e in plain])
    weight /= weight.sum()
    assert 0.02 < weight.min() < weight.max() < 0.9  # all of them matter here
    assert found.scale == pytest.approx(
        sum(w * np.exp(p[0]) for w, (p, _) in zip(weight, plain, strict=True)), abs=1e-4
    )
    mean = sum(w * np.asarray(p[1:]) for w, (p, _) in zip(weight, plain, strict=True))
    assert found.bias == pytest.approx(mean[:2], abs=1e-4)
    assert found.leaning.ravel() == pytest.approx(mean[2:6], abs=1e-4)
    assert found.weights.ravel() == pytest.approx(mean[6:], abs=1e-4)
    assert found.caution == pytest.approx(weight @ CAUTION, abs=1e-3)


def test_caution_is_small_where_gold_contradicts_the_votes_and_large_where_it_agrees():
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 2, 400)
    votes = np.where(rng.random((400, 3)) < 0.8, truth[:, None], 1 - truth[:, None])
    patterns = as_patterns(votes)
    says = np.zeros((len(patterns), 2))
    log_odds = np.log(0.8 / 0.2)
    for u, (_, said) in enumerate(naive_rows(patterns)):
        says[u] = [log_odds * (said == y).sum() for y in (0, 1)]
    good = patterns.gold_table(truth, n_classes=2).astype(float)
    right = fit_correction(says, patterns, good)
    wrong = fit_correction(-says, patterns, good)  # worse than chance
    assert right.caution > 8 > 2 > wrong.caution
    assert right.scale == pytest.approx(1, abs=0.2)
    p = softmax(wrong.scores(-says, patterns))
    assert ((p[patterns.inverse].argmax(axis=1) == truth).mean()) > 0.85


def test_gold_of_one_class_or_none_changes_nothing():
    patterns, scores, gold = problem(1)
    assert fit_correction(scores, patterns, np.zeros_like(gold)) is None
    gold[:, 1:] = 0
    assert fit_correction(scores, patterns, gold) is None


def test_much_gold_overrules_the_model_and_little_gold_hardly_moves_it():
    patterns = as_patterns([[0], [1]])
    wrong = np.array([[0.0, 4.0], [4.0, 0.0]])  # the model says the opposite of the rule
    for g, right in ((1000.0, True), (1.0, False)):
        gold = np.array([[g, 0.0], [0.0, g]])
        p = softmax(fit_correction(wrong, patterns, gold).scores(wrong, patterns))
        assert (p[0, 0] > 0.5) == right


def test_a_row_constant_in_the_scores_changes_nothing():
    patterns, scores, gold = problem(2)
    one = fit_correction(scores, patterns, gold)
    other = fit_correction(scores + 7.0, patterns, gold)
    assert one.weights == pytest.approx(other.weights, abs=1e-12)
    p = softmax(one.scores(scores, patterns))
    assert softmax(other.scores(scores + 7.0, patterns)) == pytest.approx(p, abs=1e-12)


def test_order_of_rules_and_classes_does_not_matter():
    patterns, scores, gold = problem(3)
    p = softmax(fit_correction(scores, patterns, gold).scores(scores, patterns))
    order = np.array([2, 0, 1])  # class y becomes order[y]
    dense = np.full((len(patterns), 4), -1)
    for u, (who, said) in enumerate(naive_rows(patterns)):
        dense[u, who] = order[said]
    turned = as_patterns(dense[:, ::-1])
    moved_scores, moved_gold = np.empty_like(scores), np.empty_like(gold)
    moved_scores[turned.inverse[:, None], order] = scores
    moved_gold[turned.inverse[:, None], order] = gold
    q = softmax(fit_correction(moved_scores, turned, moved_gold).scores(moved_scores, turned))
    assert q[turned.inverse][:, order] == pytest.approx(p, abs=1e-12)


def test_duplicates_share_one_weight():
    one = as_patterns([[0, -1], [1, 0], [1, 1], [0, 1]])
    three = as_patterns([[0, 0, 0, -1], [1, 1, 1, 0], [1, 1, 1, 1], [0, 0, 0, 1]])
    where = np.empty(4, np.int64)
    where[three.inverse] = one.inverse
    scores = np.arange(8.0).reshape(4, 2)
    gold = np.array([[3.0, 1.0], [0.0, 2.0], [1.0, 1.0], [2.0, 0.0]])
    first = fit_correction(scores, one, gold)
    shared = fit_correction(
        scores[where],
        three,
        gold[where],
        group=np.array([0, 0, 0, 3]),
        share=np.array([1 / 3, 1 / 3, 1 / 3, 1.0]),
    )
    assert shared.scale == pytest.approx(first.scale, abs=1e-12)
    assert shared.leaning == pytest.approx(first.leaning, abs=1e-12)
    assert shared.weights[:3].sum(axis=0) == pytest.approx(first.weights[0], abs=1e-12)
    assert shared.scores(scores[where], three) == pytest.approx(first.scores(scores, one)[where], abs=1e-12)


def test_weights_count_as_rows():
    patterns, scores, gold = problem(4)
    assert fit_correction(scores, patterns, 2 * gold).scale == pytest.approx(
        fit_correction(scores, patterns, gold + gold).scale
    )
    assert fit_correction(scores, patterns, 2 * gold).scale != pytest.approx(
        fit_correction(scores, patterns, gold).scale
    )


def test_arguments_stay_as_they_are():
    patterns, scores, gold = problem(5)
    before = scores.copy(), gold.copy(), patterns.codes.copy()
    fit_correction(scores, patterns, gold)
    assert (scores == before[0]).all() and (gold == before[1]).all() and (patterns.codes == before[2]).all()


def test_gold_on_some_rules_says_something_of_the_others():
    # Eight rules vote alone. Gold has heard six of them: who says 1 is wrong half of the time, who says 0 is right.
    votes = np.full((16, 8), -1)
    votes[np.arange(16), np.arange(16) // 2] = np.arange(16) % 2
    patterns = as_patterns(votes)
    scores, gold = np.zeros((len(patterns), 2)), np.zeros((len(patterns), 2))
    for u, (who, said) in enumerate(naive_rows(patterns)):
        scores[u, said] = 1.5
        if who[0] < 6:
            gold[u] = [10, 10] if said[0] else [16, 4]
    p = softmax(fit_correction(scores, patterns, gold).scores(scores, patterns))[patterns.inverse]
    before = softmax(scores)[patterns.inverse]
    assert (before[[15, 13], 1] > 0.8).all() and (before[[14, 12], 0] > 0.8).all()
    assert (p[[15, 13], 1] < 0.6).all()  # rules 6 and 7, whom no gold row has heard
    assert (p[[14, 12], 0] > 0.7).all()


def test_shares_are_of_the_votes_of_a_row_and_copies_are_one_vote():
    # A leaning alone: (1, 0) for votes for class 0, (0, 2) for class 1.
    found = Correction(
        1.0,
        np.zeros(2),
        np.array([[1.0, 0.0], [0.0, 2.0]]),
        np.zeros((3, 2, 2)),
        np.array([0.5, 0.5, 1.0]),
        9,
    )
    patterns = as_patterns([[0, 0, 1], [0, -1, 1], [-1, -1, 1], [-1, -1, -1]])
    z = found.scores(np.zeros((len(patterns), 2)), patterns)[patterns.inverse]
    assert z == pytest.approx(np.array([[0.5, 1.0], [1 / 3, 4 / 3], [0.0, 2.0], [0.0, 0.0]]), abs=1e-15)


def test_what_is_saved_comes_back_and_older_models_are_read():
    patterns, scores, gold = problem(6)
    found = fit_correction(scores, patterns, gold)
    arrays = found.arrays()
    again = Correction.from_arrays(arrays)
    assert (again.scores(scores, patterns) == found.scores(scores, patterns)).all()
    assert (again.n_gold, again.caution, again.scale) == (found.n_gold, found.caution, found.scale)
    old = {name: a for name, a in arrays.items() if name not in ("correction_leaning", "correction_counts")}
    without = replace(found, leaning=np.zeros((3, 3)))
    assert (Correction.from_arrays(old).scores(scores, patterns) == without.scores(scores, patterns)).all()
    assert Correction.from_arrays({}) is None
