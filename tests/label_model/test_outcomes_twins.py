"""Label models on votes for several classes: the slow twins of the baselines, vote by vote."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import naive
from strategies import vote_matrices
from weaklabel.label_matrix import LabelMatrix
from weaklabel.label_model import create

K = 3
SETS = ((0, 1), (0, 2), (1, 2))
PLAIN = {"merge_duplicates": False, "keep_unanimous": False, "tol": 0.0}


@st.composite
def tasks(draw, most=10):
    """Votes for classes 0 to 2 and sets 3 to 5, everybody's outcomes, silence, gold and the same by id."""
    votes = draw(vote_matrices(max_rows=most, max_labelers=4))
    wide = draw(st.lists(st.integers(0, 5), min_size=votes.size, max_size=votes.size))
    votes = np.where(votes >= 0, np.array(wide).reshape(votes.shape), votes).astype(np.int8)
    m = votes.shape[1]
    silence = draw(st.lists(st.sampled_from([-1, -2]), min_size=m, max_size=m))
    gold = draw(st.lists(st.integers(-1, 2), min_size=len(votes), max_size=len(votes)))
    known = {str(i): g for i, g in enumerate(gold) if g >= 0}
    outcomes = {str(j): SETS for j in range(m)}
    return LabelMatrix.from_numpy(votes, silence=silence), votes, outcomes, silence, gold, known


def check(model, votes, expected, otherwise):
    for ours, theirs in zip(model.predict_proba(votes), expected, strict=True):
        assert ours == pytest.approx(otherwise if theirs is None else theirs, abs=1e-9)


@settings(deadline=None, max_examples=60)
@given(tasks(), st.sampled_from([0.25, 4.0, None]), st.sampled_from([0.5, 0.8]), st.integers(1, 6))
def test_dawid_skene(task, smoothing, prior_accuracy, n_passes):
    matrix, votes, outcomes, silence, gold, known = task
    options = {"smoothing": smoothing, "prior_accuracy": prior_accuracy}
    model = create("dawid_skene", n_classes=K, outcomes=outcomes, **options, **PLAIN, max_iter=n_passes)
    model.fit(matrix, gold=known)
    pi, theta, history, posterior = naive.dawid_skene(
        votes.tolist(), K, silence, n_passes=model.n_iter_, gold=gold, sets=SETS, **options
    )
    assert model.class_balance_ == pytest.approx(pi, abs=1e-9)
    assert np.abs(model.confusion_ - np.array(theta)).max() < 1e-9
    assert model.log_likelihood_ == pytest.approx(history, rel=1e-9, abs=1e-9)
    check(model, matrix, posterior, pi)


@settings(deadline=None, max_examples=60)
@given(tasks(), st.sampled_from([0.25, 4.0, None]), st.sampled_from([0.5, 0.8]), st.integers(1, 6))
def test_one_coin(task, smoothing, prior_accuracy, n_passes):
    matrix, votes, outcomes, silence, gold, known = task
    options = {"smoothing": smoothing, "prior_accuracy": prior_accuracy}
    model = create("one_coin", n_classes=K, outcomes=outcomes, **options, **PLAIN, max_iter=n_passes)
    model.fit(matrix, gold=known)
    pi, accuracy, history, posterior = naive.one_coin(
        votes.tolist(), K, silence, n_passes=model.n_iter_, gold=gold, sets=SETS, **options
    )
    assert model.class_balance_ == pytest.approx(pi, abs=1e-9)
    assert model.accuracy_ == pytest.approx(accuracy, abs=1e-9)
    assert model.log_likelihood_ == pytest.approx(history, rel=1e-9, abs=1e-9)
    assert (np.diff(history) >= -1e-9 * np.maximum(np.abs(history[1:]), 1)).all()
    check(model, matrix, posterior, pi)


@settings(deadline=None, max_examples=60)
@given(tasks(), st.sampled_from([0.5, 10.0]))
def test_weighted_vote(task, smoothing):
    matrix, votes, outcomes, silence, gold, known = task
    model = create("weighted_vote", n_classes=K, outcomes=outcomes, smoothing=smoothing)
    model.fit(matrix, gold=known or None)
    accuracy, weights, shares = naive.weighted_vote(
        votes.tolist(), K, silence, smoothing=smoothing, prior_accuracy=0.7, gold=gold, sets=SETS
    )
    assert model.accuracy_ == pytest.approx(accuracy, abs=1e-9)
    assert model.weights_ == pytest.approx(weights, abs=1e-9)
    check(model, matrix, shares, model.class_balance_)


@settings(deadline=None, max_examples=60)
@given(tasks(12), st.sampled_from(["median", "mean"]))
def test_triplet(task, average):
    matrix, votes, outcomes, silence, _, _ = task
    balance = [0.2, 0.3, 0.5]
    model = create("triplet", n_classes=K, outcomes=outcomes, average=average, class_balance=balance)
    model.fit(matrix)
    accuracy, posterior = naive.triplet(votes.tolist(), K, silence, balance, average=average, sets=SETS)
    assert np.abs(model.accuracy_ - np.array(accuracy)).max() < 1e-9
    check(model, matrix, posterior, balance)
