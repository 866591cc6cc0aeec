"""What `explain` says, worked by hand; that it holds for every model is in test_contract.py."""

import numpy as np
import polars as pl
import pytest

from weaklabel.errors import ModelError
from weaklabel.label_matrix import LabelMatrix
from weaklabel.label_model import create
from weaklabel.label_model.explanation import log_odds

TRUTH = np.repeat([0, 1], [90, 10])
GOOD = TRUTH  # always right
LOUD = np.where(np.arange(100) >= 91, 1, -1)  # silent on class 0, and on one of ten rows of class 1
BAD = np.where(
    (np.arange(100) < 27) | (np.arange(100) >= 95), 1, -1
)  # says 1 on .3 of class 0, .5 of class 1
VOTES = LabelMatrix.from_numpy(
    np.column_stack([GOOD, LOUD, BAD]), labelers=["good", "loud", "bad"], silence=-1
)
GOLD = {str(i): int(y) for i, y in enumerate(TRUTH)}


def fitted(**options):
    """All gold and no prior, so that every parameter can be counted."""
    return create("dawid_skene", n_classes=2, smoothing=0, **options).fit(VOTES, gold=GOLD)


def row(*codes):
    return LabelMatrix.from_numpy([codes], labelers=VOTES.labelers, silence=-1)


def test_votes_and_silence_are_log_odds():
    told = fitted().explain(row(-2, -1, 1))
    assert told.labelers == ("loud", "bad")  # good was not asked: no line
    assert told.votes == (-1, 1)
    assert told.scale == "log odds"


def test_a_conflict_worked_by_hand():
    told = fitted(keep_unanimous=False).explain(row(-2, -1, 1))
    prior = np.log(0.9 / 0.1)
    loud, bad = (
        np.log(1 / 0.1),
        np.log(0.3 / 0.5),
    )  # P(silent | 0) / P(silent | 1), P(says 1 | 0) / P(says 1 | 1)
    assert told.prior == pytest.approx([prior, -prior])
    assert told.contributions == pytest.approx(np.array([[loud, -loud], [bad, -bad]]))
    p = 0.9 * 1 * 0.3 / (0.9 * 1 * 0.3 + 0.1 * 0.1 * 0.5)
    assert told.posterior == pytest.approx([p, 1 - p])
    assert prior + loud + bad == pytest.approx(np.log(p / (1 - p)))
    assert (told.label, told.without) == (0, (0, -1))  # without bad nobody votes: no label
    assert told.posterior_without == pytest.approx(np.array([np.array([0.27, 0.05]) / 0.32, [0.9, 0.1]]))


def test_unanimous_votes_that_were_kept_speak_for_themselves():
    told = fitted().explain(row(-2, -1, 1))
    assert told.label == 1
    assert told.prior.tolist() == [0, 0]  # neither the balance nor silence counts in this row
    assert told.contributions[0].tolist() == [0, 0]
    assert told.contributions[1] == pytest.approx([np.log(0.3 / 0.5), np.log(0.5 / 0.3)])
    assert told.posterior == pytest.approx([0.3 / 0.8, 0.5 / 0.8])
    for name in ("one_coin", "triplet"):
        rng = np.random.default_rng(0)
        truth = (rng.random(400) < 0.05).astype(int)
        votes = np.where(rng.random((400, 4)) < [0.95, 0.9, 0.9, 0.6], truth[:, None], 1 - truth[:, None])
        options = {"class_balance": "votes"} if name == "triplet" else {}
        model = create(name, n_classes=2, **options).fit(LabelMatrix.from_numpy(votes, silence=-1))
        alone = model.explain([-1, -1, -1, 1])
        assert alone.label == 1
        assert alone.prior.tolist() == [0, 0]
        assert model.explain([0, 1, 0, 1]).prior[0] > 1


def test_shares():
    model = create("weighted_vote", n_classes=3, weights={"0": 2, "1": 1, "2": 1}).fit([[0, 1, 2]])
    told = model.explain([0, 1, -1])
    assert told.scale == "share"
    assert told.contributions == pytest.approx(np.array([[2 / 3, 0, 0], [0, 1 / 3, 0], [0, 0, 0]]))
    assert (told.label, told.without) == (0, (1, 0, 0))
    nobody = create("weighted_vote", n_classes=2, weights={"0": 0}).fit([[0, 1]]).explain([1, -1])
    assert not nobody.contributions.any()  # its votes weigh nothing
    assert nobody.label == -1


def test_scores_that_are_no_sum_are_left_out_one_by_one():
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 3, 300)
    votes = np.where(rng.random((300, 4)) < 0.75, truth[:, None], rng.integers(0, 3, (300, 4)))
    model = create("triplet", n_classes=3).fit(votes)
    told = model.explain([0, 0, 1, -1])
    assert told.scale == "left out"
    assert told.prior == pytest.approx(log_odds(model.class_balance_))
    dropped = model.predict_proba([[0, -2, 1, -2]])[0]
    assert told.contributions[1] == pytest.approx(log_odds(told.posterior) - log_odds(dropped), abs=1e-9)
    assert create("triplet", n_classes=2).fit(votes % 2).explain([0, 0, 1, -1]).scale == "log odds"


def test_repeated_answers_have_a_line_each_and_go_together():
    answers = pl.DataFrame(
        {"item": list("aaabbbcc"), "labeler": list("xxyxyyxy"), "code": [1, 1, 0, 0, 0, 0, 1, 0]}
    )
    model = create("majority_vote", n_classes=2).fit(LabelMatrix.from_answers(answers))
    first = LabelMatrix.from_answers(answers.head(3), labelers=["x", "y"])
    told = model.explain(first)
    assert (told.labelers, told.votes) == (("x", "x", "y"), (1, 1, 0))
    assert told.contributions[:, 1] == pytest.approx([1 / 3, 1 / 3, 0])
    assert (told.label, told.without) == (1, (0, 0, 1))


def test_a_row_without_votes():
    model = create("dawid_skene", n_classes=2).fit(VOTES)
    told = model.explain(row(-1, -2, -1))
    assert told.label == -1
    assert (told.posterior == model.class_balance_).all()
    assert told.prior == pytest.approx(log_odds(model.class_balance_))
    assert (told.labelers, told.without) == (("good", "bad"), (-1, -1))
    assert not told.contributions.any()
    empty = model.explain(row(-2, -2, -2))
    assert (empty.labelers, empty.contributions.shape, empty.posterior_without.shape) == ((), (0, 2), (0, 2))
    assert empty.table()["part"].to_list() == ["prior", "posterior"]


def test_the_table():
    told = fitted(keep_unanimous=False).explain(row(-2, -1, 1))
    table = told.table(["ham", "spam"])
    assert table.columns == ["part", "labeler", "vote", "adds_ham", "adds_spam", "label"]
    assert table.drop("adds_ham", "adds_spam").rows() == [
        ("prior", None, None, None),
        ("vote", "loud", "abstained", "ham"),  # what moves the row most comes first
        ("vote", "bad", "spam", None),
        ("posterior", None, None, "ham"),
    ]
    assert table["adds_ham"][:3].sum() == pytest.approx(table["adds_ham"][3])
    assert told.table().columns[3:5] == ["adds_0", "adds_1"]
    with pytest.raises(ModelError, match="3 names for 2 classes"):
        told.table(["a", "b", "c"])


def test_log_odds_of_many_classes():
    p = np.array([0.7, 0.2, 0.1])
    expected = [
        np.log(0.7) - (np.log(0.2) + np.log(0.1)) / 2,
        np.log(0.2) - (np.log(0.7) + np.log(0.1)) / 2,
        np.log(0.1) - (np.log(0.7) + np.log(0.2)) / 2,
    ]
    assert log_odds(p) == pytest.approx(expected)
    assert log_odds(np.array([0.2, 0.8])) == pytest.approx([np.log(0.25), np.log(4)])
    assert np.isfinite(log_odds(np.array([0.0, 1.0]))).all()
