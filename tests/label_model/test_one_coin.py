import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import naive
from strategies import vote_matrices
from weaklabel.errors import ModelError
from weaklabel.label_matrix import LabelMatrix
from weaklabel.label_model import create

TWIN = {"merge_duplicates": False, "keep_unanimous": False, "tol": 0.0}


def make(k, **options):
    return create("one_coin", n_classes=k, **options)


def synthetic(n, accuracy, balance, seed, coverage=0.6):
    rng = np.random.default_rng(seed)
    k, m = len(balance), len(accuracy)
    truth = rng.choice(k, n, p=balance)
    right = rng.random((n, m)) < accuracy
    votes = np.where(right, truth[:, None], (truth[:, None] + rng.integers(1, k, (n, m))) % k)
    return np.where(rng.random((n, m)) < coverage, votes, -1).astype(np.int8), truth


def test_one_pass_worked_by_hand():
    """Without a prior, one M step: rule 0 holds 1 + 1/2 of its two votes, rule 1 as many; then Bayes' rule."""
    model = make(2, smoothing=0, max_iter=1, **TWIN).fit([[0, 0], [0, 1]])
    assert model.class_balance_ == pytest.approx([0.75, 0.25])
    assert model.accuracy_ == pytest.approx([0.75, 0.75])
    both, split = 0.75 * 0.75**2, 0.25 * 0.25**2
    assert model.predict_proba([[0, 0], [0, 1]]) == pytest.approx(
        np.array([[both / (both + split), split / (both + split)], [0.75, 0.25]])
    )
    likelihood = np.log(both + split) + np.log(0.75 * 0.25)
    assert model.log_likelihood_ == pytest.approx([likelihood])


def test_the_prior_worked_by_hand():
    """Strength 2 gives a rule of three votes 8 pseudo-votes, 6 of them right; all gold, so that counting is all."""
    model = make(2, smoothing=2, prior_accuracy=0.75).fit(
        LabelMatrix.from_numpy([[0, -1], [1, 1], [0, -1]], silence=-1), gold={"0": 0, "1": 1, "2": 1}
    )
    assert model.accuracy_ == pytest.approx([(2 + 6) / (3 + 8), (1 + 3) / (1 + 4)])
    assert model.class_balance_ == pytest.approx([2 / 5, 3 / 5])


@settings(deadline=None, max_examples=80)
@given(
    vote_matrices(max_rows=10, max_labelers=4),
    st.sampled_from([0.0, 0.25, 4.0, None]),
    st.sampled_from([0.5, 0.8]),
    st.integers(1, 6),
    st.data(),
)
def test_equals_its_twin(votes, smoothing, prior_accuracy, n_passes, data):
    silence = data.draw(st.lists(st.sampled_from([-1, -2]), min_size=votes.shape[1], max_size=votes.shape[1]))
    gold = data.draw(st.lists(st.integers(-1, 2), min_size=len(votes), max_size=len(votes)))
    matrix = LabelMatrix.from_numpy(votes, silence=silence)
    known = {str(i): g for i, g in enumerate(gold) if g >= 0}
    options = {"smoothing": smoothing, "prior_accuracy": prior_accuracy}
    model = make(3, **options, **TWIN, max_iter=n_passes).fit(matrix, gold=known)
    pi, accuracy, history, posterior = naive.one_coin(
        votes.tolist(), 3, silence, n_passes=model.n_iter_, gold=gold, **options
    )
    assert model.log_likelihood_ == pytest.approx(history, rel=1e-9, abs=1e-9)
    if smoothing == 0:  # accuracies of 0 or 1: sums of doubles differ by 1e-16, and their logarithms by much
        return
    assert model.class_balance_ == pytest.approx(pi, abs=1e-9)
    assert model.accuracy_ == pytest.approx(accuracy, abs=1e-9)
    for ours, theirs in zip(model.predict_proba(matrix), posterior, strict=True):
        assert ours == pytest.approx(theirs if theirs is not None else pi, abs=1e-9)


@settings(deadline=None, max_examples=60)
@given(vote_matrices(max_rows=12, max_labelers=4), st.sampled_from([0.0, 0.1, None]), st.booleans())
def test_the_penalised_likelihood_never_falls(votes, smoothing, merge):
    model = make(3, smoothing=smoothing, merge_duplicates=merge, tol=0, max_iter=30).fit(votes)
    history = model.log_likelihood_
    assert (np.diff(history) >= -1e-9 * np.maximum(np.abs(history[1:]), 1)).all()


@settings(deadline=None, max_examples=60)
@given(vote_matrices(max_rows=12, max_labelers=4))
def test_unanimous_better_than_chance_votes_are_never_inverted(votes):
    model = make(3).fit(votes)
    for row, label in zip(votes.tolist(), model.predict(votes), strict=True):
        said = {v for v in row if v >= 0}
        good = all(model.accuracy_[j] > 1 / 3 + 1e-9 for j, v in enumerate(row) if v >= 0)
        if len(said) == 1 and good:
            assert label == said.pop()


def test_the_balance_does_not_overrule_a_unanimous_vote():
    """All gold, so that every parameter can be counted: nine rows in ten are of class 0; rule 1 is right on .6."""
    truth = np.repeat([0, 1], [90, 10])
    second = np.where(np.arange(100) % 5 < 3, truth, 1 - truth)
    votes = np.column_stack([truth, second]).astype(np.int8)
    kept = make(2, smoothing=0).fit(votes, gold=truth)
    plain = make(2, smoothing=0, keep_unanimous=False).fit(votes, gold=truth)
    assert plain.predict_proba([[-1, 1]])[0] == pytest.approx(np.array([0.9 * 0.4, 0.1 * 0.6]) / 0.42)
    assert plain.predict([[-1, 1]]).tolist() == [0]
    assert kept.predict_proba([[-1, 1]])[0] == pytest.approx([0.4, 0.6])
    assert kept.predict([[-1, 1]]).tolist() == [1]


@pytest.mark.parametrize("balance", [[0.5, 0.5], [0.7, 0.3], [0.4, 0.3, 0.2, 0.1]])
def test_parameters_are_recovered(balance):
    accuracy = np.array([0.9, 0.8, 0.75, 0.7, 0.65, 0.6])
    votes, truth = synthetic(40_000, accuracy, balance, seed=1)
    model = make(len(balance), smoothing=0).fit(votes)
    assert model.converged_
    assert np.abs(model.accuracy_ - accuracy).max() < 0.015
    assert np.abs(model.class_balance_ - balance).max() < 0.015
    covered = (votes >= 0).any(axis=1)
    bayes = make(len(balance), smoothing=0).fit(votes, gold=truth)  # every parameter counted with the truth
    best = (bayes.predict(votes) == truth)[covered].mean()
    assert (model.predict(votes) == truth)[covered].mean() > best - 0.003


def test_gold_is_believed():
    rng = np.random.default_rng(4)
    truth = rng.integers(0, 2, 200)
    bad = np.where(rng.random((200, 3)) < 0.25, truth[:, None], 1 - truth[:, None])
    good = np.where(rng.random((200, 2)) < 0.9, truth[:, None], 1 - truth[:, None])
    votes = np.column_stack([bad, good]).astype(np.int8)
    gold = np.where(np.arange(200) < 100, truth, -1)
    plain, taught = make(2, smoothing=0.1).fit(votes), make(2, smoothing=0.1).fit(votes, gold=gold)
    rest = slice(100, None)
    assert (plain.predict(votes)[rest] == truth[rest]).mean() < 0.3
    assert (taught.predict(votes)[rest] == truth[rest]).mean() > 0.85


def test_silence_is_no_evidence_however_it_is_written():
    votes, _ = synthetic(60, np.array([0.9, 0.7, 0.6]), [0.5, 0.3, 0.2], seed=2)
    rules = LabelMatrix.from_numpy(votes, silence=-1)
    people = LabelMatrix.from_numpy(np.where(votes < 0, -2, votes).astype(np.int8), silence=-2)
    a, b = (make(3, smoothing=1, merge_duplicates=False).fit(x) for x in (rules, people))
    assert np.abs(a.accuracy_ - b.accuracy_).max() < 1e-12
    assert np.abs(a.predict_proba([[0, -1, 1]]) - a.predict_proba([[0, -2, 1]])).max() == 0
    strong, weak = make(3).fit(rules), make(3).fit(people)  # but rules get a stronger prior than people
    assert np.abs(strong.accuracy_ - 0.8).max() < np.abs(weak.accuracy_ - 0.8).max()


def test_rows_without_votes_change_nothing():
    votes, _ = synthetic(30, np.array([0.9, 0.7, 0.6]), [0.5, 0.5], seed=3)
    more = np.vstack([votes, np.full((1000, 3), -1, np.int8)])
    a, b = make(2).fit(votes), make(2).fit(more)
    assert (a.accuracy_ == b.accuracy_).all()
    assert (a.class_balance_ == b.class_balance_).all()


def test_duplicates_are_merged_and_named():
    votes, _ = synthetic(50, np.array([0.9, 0.7, 0.6]), [0.5, 0.5], seed=4)
    plain = LabelMatrix.from_numpy(votes, labelers=list("abc"), silence=-1)
    copied = LabelMatrix.from_numpy(votes[:, [0, 1, 2, 1]], labelers=list("abcd"), silence=-1)
    a, b = make(2).fit(plain), make(2).fit(copied)
    assert b.duplicates_ == (("b", "d"),)
    assert b.weights_.tolist() == [1, 0.5, 1, 0.5]
    assert np.abs(a.accuracy_ - b.accuracy_[:3]).max() < 1e-12
    assert a.log_likelihood_ == pytest.approx(b.log_likelihood_, rel=1e-12)
    counted = make(2, merge_duplicates=False).fit(copied)
    assert np.abs(counted.predict_proba(copied) - b.predict_proba(copied)).max() > 1e-3


def test_two_hundred_rules_stay_finite():
    rng = np.random.default_rng(6)
    truth = rng.integers(0, 2, 50)
    votes = np.where(rng.random((50, 200)) < 0.6, truth[:, None], 1 - truth[:, None]).astype(np.int8)
    for smoothing in (0, None):
        model = make(2, smoothing=smoothing).fit(votes)
        assert np.isfinite(model.log_likelihood_).all()
        assert (model.predict(votes) == truth).all()


def test_convergence_is_reported(caplog):
    votes, _ = synthetic(300, np.array([0.9, 0.7, 0.6, 0.6]), [0.5, 0.3, 0.2], seed=5)
    with caplog.at_level("INFO", logger="weaklabel.label_model"):
        short = make(3, max_iter=2, tol=0).fit(votes)
    assert (short.n_iter_, short.converged_, len(short.log_likelihood_)) == (2, False, 2)
    assert "one coin stopped after 2 passes" in caplog.text
    whole = make(3).fit(votes)
    assert whole.converged_
    assert whole.n_iter_ == len(whole.log_likelihood_) < 200


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"smoothing": -1}, "smoothing is 0 or more, not -1"),
        ({"smoothing": float("nan")}, "smoothing is 0 or more, not nan"),
        ({"prior_accuracy": 0.2}, "prior_accuracy is 0.5 to below 1, not 0.2"),
        ({"prior_accuracy": 1.0}, "prior_accuracy is 0.5 to below 1, not 1.0"),
        ({"tol": -1e-3}, "tol is 0 or more"),
        ({"max_iter": 0}, "max_iter is a whole number from 1, not 0"),
    ],
)
def test_options_that_make_no_sense(options, message):
    with pytest.raises(ModelError) as error:
        make(2, **options)
    assert message in str(error.value)
