import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import naive
from strategies import vote_matrices
from weaklabel.errors import ModelError
from weaklabel.label_matrix import LabelMatrix
from weaklabel.label_model import create


def make(k, **options):
    return create("triplet", n_classes=k, **options)


def independent(n, accuracy, balance, seed, coverage=1.0):
    rng = np.random.default_rng(seed)
    k, m = len(balance), len(accuracy)
    truth = rng.choice(k, n, p=balance)
    right = rng.random((n, m)) < accuracy
    votes = np.where(right, truth[:, None], (truth[:, None] + rng.integers(1, k, (n, m))) % k)
    return np.where(rng.random((n, m)) < coverage, votes, -1).astype(np.int8), truth


def test_worked_by_hand():
    """Ten rows. Rules 0 and 1 disagree on two of them, 0 and 2 on four, 1 and 2 on four: M = .6, .2, .2."""
    votes = np.zeros((10, 3), np.int8)
    votes[[0, 1], 0] = 1
    votes[[2, 3, 4, 0], 2] = 1
    # 0 against 2: rows 1, 2, 3, 4 differ; 1 against 2: rows 0, 2, 3, 4
    model = make(2, class_balance=[0.8, 0.2]).fit(votes)
    c = [np.sqrt(0.6 * 0.2 / 0.2), np.sqrt(0.6 * 0.2 / 0.2), np.sqrt(0.2 * 0.2 / 0.6)]
    assert model.accuracy_ == pytest.approx((1 + np.array([c, c]).T) / 2)
    assert model.triplets_.tolist() == [1, 1, 1]
    assert model.fallback_ == ""
    w = [np.log((1 + x) / (1 - x)) for x in c]
    log_odds = np.log(0.2 / 0.8) + w[0] - w[1] + w[2]
    expected = 1 / (1 + np.exp(-log_odds))
    assert model.predict_proba([[1, 0, 1]])[0] == pytest.approx([1 - expected, expected])


def test_one_against_the_rest_worked_by_hand():
    """Three classes: each has its own correlations, log odds and probability; these are scaled to sum to 1."""
    votes = [[0, 0, 0], [1, 1, 1], [2, 2, 2], [0, 0, 1], [2, 1, 2], [0, 0, 0]]
    model = make(3, class_balance=[0.5, 0.25, 0.25]).fit(votes)
    moments = {0: (1, 2 / 3, 2 / 3), 1: (2 / 3, 2 / 3, 1 / 3), 2: (2 / 3, 1, 2 / 3)}  # pairs 01, 02, 12
    c = np.empty((3, 3))
    for y, (a, b, d) in moments.items():
        c[:, y] = [np.sqrt(a * b / d), np.sqrt(a * d / b), np.sqrt(b * d / a)]
    c = np.clip(c, 0.01, 0.98)
    assert model.accuracy_ == pytest.approx((1 + c) / 2)
    w = np.log((1 + c) / (1 - c))
    signs = np.array([[1, -1, -1], [-1, 1, -1], [-1, -1, 1]])
    s = np.log(np.array([0.5, 0.25, 0.25]) / np.array([0.5, 0.75, 0.75]))
    s = s + w[0] * signs[2] + w[1] * signs[1] + w[2] * signs[2]  # the row 2, 1, 2
    p = 1 / (1 + np.exp(-s))
    assert model.predict_proba([[2, 1, 2]])[0] == pytest.approx(p / p.sum())


@settings(deadline=None, max_examples=80)
@given(
    vote_matrices(max_rows=12, max_labelers=5), st.sampled_from(["median", "mean"]), st.booleans(), st.data()
)
def test_equals_its_twin(votes, average, two, data):
    k = 2 if two else 3
    votes = np.where(votes >= k, 0, votes).astype(np.int8)
    silence = data.draw(st.lists(st.sampled_from([-1, -2]), min_size=votes.shape[1], max_size=votes.shape[1]))
    balance = data.draw(st.sampled_from([[0.5, 0.5], [0.9, 0.1]] if two else [[0.2, 0.3, 0.5], [1 / 3] * 3]))
    matrix = LabelMatrix.from_numpy(votes, silence=silence)
    model = make(k, average=average, class_balance=balance).fit(matrix)
    accuracy, posterior = naive.triplet(votes.tolist(), k, silence, balance, average=average)
    assert np.abs(model.accuracy_ - np.array(accuracy)).max() < 1e-9
    for ours, theirs in zip(model.predict_proba(matrix), posterior, strict=True):
        assert ours == pytest.approx(theirs if theirs is not None else balance, abs=1e-9)


@settings(deadline=None, max_examples=60)
@given(vote_matrices(max_rows=12, max_labelers=5))
def test_unanimous_votes_are_never_inverted(votes):
    labels = make(3, class_balance=[0.98, 0.01, 0.01]).fit(votes).predict(votes)
    for row, label in zip(votes.tolist(), labels, strict=True):
        said = {v for v in row if v >= 0}
        if len(said) == 1:
            assert label == said.pop()


def test_accuracies_are_recovered():
    accuracy = np.array([0.9, 0.8, 0.75, 0.7, 0.65])
    votes, truth = independent(40_000, accuracy, [0.5, 0.5], seed=1, coverage=0.7)
    for average in ("median", "mean"):
        model = make(2, average=average).fit(votes)
        assert np.abs(model.accuracy_[:, 1] - accuracy).max() < 0.02
        assert (model.accuracy_[:, 0] == model.accuracy_[:, 1]).all()
    assert (model.triplets_ == 6).all()
    majority = create("majority_vote", n_classes=2).fit(votes).predict(votes)
    assert (model.predict(votes) == truth).mean() > (majority == truth).mean() + 0.01


def test_many_rules_are_sampled_and_the_choice_is_seeded():
    accuracy = np.linspace(0.6, 0.9, 40)
    votes, _ = independent(5000, accuracy, [0.5, 0.5], seed=2, coverage=0.5)
    whole = make(2).fit(votes)
    assert (whole.triplets_ == 39 * 38 // 2).all()
    some = make(2, triplets=100).fit(votes)
    assert (some.triplets_ == 100).all()
    assert np.abs(some.accuracy_ - whole.accuracy_).max() < 0.02
    assert (make(2, triplets=100).fit(votes).accuracy_ == some.accuracy_).all()
    assert (make(2, triplets=100, seed=1).fit(votes).accuracy_ != some.accuracy_).any()
    named = [f"rule {j}" for j in range(40)]
    order = np.random.default_rng(0).permutation(40)
    a = make(2, triplets=100).fit(LabelMatrix.from_numpy(votes, labelers=named))
    b = make(2, triplets=100).fit(LabelMatrix.from_numpy(votes[:, order], labelers=[named[j] for j in order]))
    assert np.abs(a.accuracy_[order] - b.accuracy_).max() < 1e-12  # chosen by the rules' ids, not by position


def test_two_thousand_rules():
    votes, truth = independent(400, np.full(2000, 0.7), [0.5, 0.5], seed=3, coverage=0.05)
    model = make(2, triplets=50).fit(votes)
    assert model.accuracy_.shape == (2000, 2)
    assert (model.predict(votes) == truth).mean() > 0.99


def test_classes_are_counted_in_parts_when_tables_are_large(monkeypatch):
    votes, _ = independent(500, np.full(6, 0.7), [0.2] * 5, seed=4, coverage=0.6)
    whole = make(5).fit(votes)
    monkeypatch.setattr("weaklabel.label_model.triplet.TABLE_BYTES", 2 * 8 * 36)
    parts = make(5).fit(votes)
    assert (parts.accuracy_ == whole.accuracy_).all()
    assert (parts.triplets_ == whole.triplets_).all()


def test_triplets_that_say_nothing_are_left_out():
    # rule 3 never votes beside another one, so it has no triplet; M of rules 1 and 2 is 0, so rule 0 has none either
    votes = np.array(
        [[0, 0, 0, -1], [0, 0, 1, -1], [1, 1, 1, -1], [0, 1, 0, -1], [-1, -1, -1, 1], [-1, -1, -1, 0]]
    )
    model = make(2).fit(votes)
    assert model.triplets_.tolist() == [0, 1, 1, 0]
    assert model.accuracy_[[0, 3], 0] == pytest.approx([0.8, 0.8])
    assert model.accuracy_[1, 0] == pytest.approx(
        (1 + 0.01) / 2
    )  # M12 = 0 stands above the line for rules 1 and 2
    assert model.predict([[-1, -1, -1, 1]]).tolist() == [1]


@pytest.mark.parametrize(
    ("votes", "different"), [([[0, 1], [1, 1]], 2), ([[0], [1]], 1), ([[0, 1, 0, 1], [1, 1, 1, 1]], 2)]
)
def test_fewer_than_three_rules_fall_back_and_say_why(votes, different, caplog):
    with caplog.at_level("WARNING", logger="weaklabel.label_model"):
        model = make(2).fit(LabelMatrix.from_numpy(votes, silence=-1))
    assert model.fallback_ == (
        f"{different} different rules make no triplet; each is taken to be right on 80 %"
    )
    assert f"triplet: {model.fallback_}" in caplog.text
    assert np.allclose(model.accuracy_, 0.8)
    assert (model.triplets_ == 0).all()


def test_the_class_balance():
    votes = [[0, 0, 0], [0, 0, 1], [1, 0, 1], [-1, -1, -1]]
    assert make(2).fit(votes).class_balance_.tolist() == [0.5, 0.5]
    assert make(2).fit(votes, gold=[1, 1, 1, -1]).class_balance_ == pytest.approx([1 / 5, 4 / 5])
    counted = create("majority_vote", n_classes=2).fit(votes)
    assert make(2, class_balance="votes").fit(votes).class_balance_ == pytest.approx(counted.class_balance_)
    taught = create("majority_vote", n_classes=2).fit(votes, gold=[1, 1, -1, -1])
    believed = make(2, class_balance="votes").fit(votes, gold=[1, 1, -1, -1])
    assert believed.class_balance_ == pytest.approx(taught.class_balance_)
    given_ = make(2, class_balance=[0.9, 0.1]).fit(votes)
    assert given_.predict_proba([[-1, -1, -1]]).tolist() == [[0.9, 0.1]]
    never = make(2, class_balance=[1, 0]).fit(votes).predict_proba([[0, 1, -1], [1, 1, 1]])
    assert never[0] == pytest.approx([1, 0])
    assert never[1].argmax() == 1  # votes that agree are not overruled


def test_copies_are_one_rule():
    votes, _ = independent(2000, np.array([0.8, 0.7, 0.7, 0.6]), [0.5, 0.5], seed=5)
    copied = votes[:, [0, 1, 2, 3, 3, 3]]
    a, b = make(2).fit(votes), make(2).fit(LabelMatrix.from_numpy(copied, silence=-1))
    assert np.abs(a.accuracy_ - b.accuracy_[:4]).max() < 1e-12
    assert b.weights_.tolist() == [1, 1, 1, 1 / 3, 1 / 3, 1 / 3]
    people = make(2).fit(LabelMatrix.from_numpy(copied, silence=-2))
    assert people.weights_.tolist() == [1] * 6
    assert people.accuracy_[5, 0] > b.accuracy_[5, 0] + 0.1  # who agrees with a copy passes for accurate


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"average": "mode"}, "average='mode' is unknown\n  available: median, mean"),
        ({"triplets": 0}, "triplets is a whole number from 1, not 0"),
        ({"seed": -1}, "seed is a whole number from 0, not -1"),
        ({"class_balance": [0.5, 0.4]}, "class_balance is 2 shares that sum to 1, not [0.5, 0.4]"),
        ({"class_balance": [1.5, -0.5]}, "class_balance is 2 shares that sum to 1"),
        ({"class_balance": [1.0]}, "class_balance is 2 shares that sum to 1, not [1.0]"),
        ({"class_balance": "half"}, "class_balance is a list of 2 shares or 'votes', not 'half'"),
    ],
)
def test_options_that_make_no_sense(options, message):
    with pytest.raises(ModelError) as error:
        make(2, **options)
    assert message in str(error.value)
