import math

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import naive
from strategies import vote_matrices
from weaklabel import config
from weaklabel.errors import ModelError
from weaklabel.label_matrix import LabelMatrix
from weaklabel.label_model import create
from weaklabel.templates import write_project

VOTES = [[0, 0, 1], [1, -1, -2], [0, 1, -1], [-1, -1, -1], [2, 2, 2]]


def make(k, **options):
    return create("weighted_vote", n_classes=k, **options)


def test_agreement_worked_by_hand():
    """Rule 0 meets others on rows 0, 2 and 4: half of them agree, none, all. So A = 1.5 / 3, and so on."""
    model = make(3, smoothing=1, prior_accuracy=0.7).fit(LabelMatrix.from_numpy(VOTES, silence=-1))
    accuracy = [(1.5 + 0.7) / 4, (1.5 + 0.7) / 4, (0 + 1 + 0.7) / 3]
    assert model.accuracy_ == pytest.approx(accuracy)
    weights = [math.log(2 * a / (1 - a)) for a in accuracy]
    assert model.weights_ == pytest.approx(weights)
    w, v = weights[0], weights[2]
    expected = [[2 * w / (2 * w + v), v / (2 * w + v), 0], [0, 1, 0], [0.5, 0.5, 0], None, [0, 0, 1]]
    expected[3] = (np.array([expected[0][0] + 0.5, expected[0][1] + 1.5, 1]) + 1) / (4 + 3)
    assert model.predict_proba(VOTES) == pytest.approx(np.array([*expected]))
    assert model.predict(VOTES).tolist() == [0, 1, -1, -1, 2]


def test_gold_worked_by_hand():
    """Gold on rows 0 and 2, both of class 1: rule 0 is wrong twice, rule 1 once in two, rule 2 right on its one."""
    options = {"smoothing": 1, "prior_accuracy": 0.7}
    votes = LabelMatrix.from_numpy(VOTES, silence=-1)
    before = make(3, **options).fit(votes).accuracy_
    after = make(3, **options).fit(votes, gold={"0": 1, "2": 1})
    learned = [(0 + before[0]) / 3, (1 + before[1]) / 3, (1 + before[2]) / 2]
    assert learned[0] < 1 / 3 + 0.01
    assert after.accuracy_ == pytest.approx([1 / 3 + 0.01, *learned[1:]])  # never below chance
    assert after.class_balance_[1] > make(3, **options).fit(votes).class_balance_[1]


def test_given_weights():
    votes = LabelMatrix.from_numpy([[0, 1, 1], [0, 1, -1]], labelers=["a", "b", "c"])
    model = make(2, weights={"a": 2, "b": 0.5}).fit(votes)
    assert model.weights_.tolist() == [2, 0.5, 1]
    assert np.isnan(model.accuracy_).all()
    assert model.predict_proba(votes) == pytest.approx(np.array([[2 / 3.5, 1.5 / 3.5], [0.8, 0.2]]))
    tied = make(2, weights={"a": 1.5, "b": 0.5}).fit(votes)
    assert tied.predict(votes).tolist() == [-1, 0]
    muted = make(2, weights={"a": 0}).fit(votes)
    assert muted.predict_proba([[0, -1, -1]]).tolist() == [[0.5, 0.5]]  # nobody who counts votes here
    assert muted.predict([[0, -1, -1]]).tolist() == [-1]


@settings(deadline=None)
@given(vote_matrices())
def test_equal_weights_are_the_majority_vote(votes):
    weights = {str(j): 1 for j in range(votes.shape[1])}
    ours = make(3, weights=weights).fit(votes)
    theirs = create("majority_vote", n_classes=3).fit(votes)
    assert (ours.predict_proba(votes) == theirs.predict_proba(votes)).all()
    assert (ours.predict(votes) == theirs.predict(votes)).all()


@settings(deadline=None, max_examples=80)
@given(vote_matrices(max_rows=10, max_labelers=5), st.sampled_from([0.5, 10.0]), st.data())
def test_equals_its_twin(votes, smoothing, data):
    silence = data.draw(st.lists(st.sampled_from([-1, -2]), min_size=votes.shape[1], max_size=votes.shape[1]))
    gold = data.draw(st.lists(st.integers(-1, 2), min_size=len(votes), max_size=len(votes)))
    known = {str(i): g for i, g in enumerate(gold) if g >= 0}
    matrix = LabelMatrix.from_numpy(votes, silence=silence)
    model = make(3, smoothing=smoothing).fit(matrix, gold=known or None)
    accuracy, weights, shares = naive.weighted_vote(
        votes.tolist(), 3, silence, smoothing=smoothing, prior_accuracy=0.7, gold=gold
    )
    assert model.accuracy_ == pytest.approx(accuracy, abs=1e-9)
    assert model.weights_ == pytest.approx(weights, abs=1e-9)
    for ours, theirs in zip(model.predict_proba(matrix), shares, strict=True):
        assert ours == pytest.approx(theirs or model.class_balance_, abs=1e-9)


def test_better_rules_weigh_more():
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 4, 5000)
    good = np.array([0.9, 0.8, 0.7, 0.5, 0.3])
    right = rng.random((5000, 5)) < good
    votes = np.where(right, truth[:, None], (truth[:, None] + rng.integers(1, 4, (5000, 5))) % 4).astype(
        np.int8
    )
    plain, taught = make(4).fit(votes), make(4).fit(votes, gold=truth)
    assert (np.diff(plain.weights_) < 0).all()
    assert np.abs(taught.accuracy_ - right.mean(axis=0)).max() < 0.005  # all gold: counted, but for ten votes
    majority = create("majority_vote", n_classes=4).fit(votes).predict(votes)
    assert (plain.predict(votes) == truth).mean() > (majority == truth).mean() + 0.02


def test_repeated_answers_count_again_and_not_among_the_others():
    answers = pl.DataFrame(
        {"item": list("aaabb"), "labeler": ["x", "x", "y", "x", "y"], "code": [1, 1, 0, 1, 1]}
    )
    model = make(4, smoothing=1, prior_accuracy=0.7).fit(LabelMatrix.from_answers(answers))
    # x votes three times beside y, who agrees with one of them; y twice, once beside two votes of x
    assert model.accuracy_ == pytest.approx([(1 + 0.7) / 4, (1 + 0.7) / 3])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"weights": 3}, "weights are a mapping labeler: weight, not 3"),
        ({"weights": {"a": -1}}, "the weight of 'a' is -1; a weight is a number, 0 or more"),
        ({"weights": {"a": float("nan")}}, "the weight of 'a' is nan"),
        ({"weights": {"a": True}}, "the weight of 'a' is True"),
        ({"weights": {"a": "2"}}, "the weight of 'a' is '2'"),
        ({"smoothing": 0}, "smoothing is more than 0, not 0"),
        ({"prior_accuracy": 0.2}, "prior_accuracy is 0.5 to below 1, not 0.2"),
        ({"prior_accuracy": 1}, "prior_accuracy is 0.5 to below 1, not 1"),
    ],
)
def test_options_that_make_no_sense(options, message):
    with pytest.raises(ModelError) as error:
        make(2, **options)
    assert message in str(error.value)


def test_weights_come_from_the_command_line_and_from_a_file(tmp_path):
    project = write_project(tmp_path / "desk")
    (project / "conf" / "label_model").mkdir()
    (project / "conf" / "label_model" / "mine.yaml").write_text(
        "defaults: [weighted_vote, _self_]\nweights: {a: 3, 7: 0.5}\n"
    )
    for words, expected in (
        (["label_model=weighted_vote"], None),
        (["label_model=weighted_vote", "label_model.weights={a: 2, b-c: 0.5}"], {"a": 2, "b-c": 0.5}),
        (["label_model=mine"], {"a": 3, "7": 0.5}),
        (["label_model=mine", "label_model.weights.a=1"], {"a": 1, "7": 0.5}),
    ):
        options = dict(config.load(project, words).label_model)
        assert options.pop("name") == "weighted_vote"
        assert make(2, **options).weights == expected


def test_a_weight_for_nobody_is_named():
    with pytest.raises(ModelError) as error:
        make(2, weights={"lnk": 2}).fit(LabelMatrix.from_numpy([[0, 1]], labelers=["link", "free"]))
    assert str(error.value) == (
        "a weight for 'lnk', which is no labeler here\n  available: link, free\n  hint: did you mean 'link'?"
    )
