import numpy as np
import pytest
from hypothesis import given, settings

from strategies import vote_matrices
from weaklabel.label_matrix import LabelMatrix
from weaklabel.label_model import create

VOTES = [[0, 0, 1], [1, -1, -2], [0, 1, -1], [-1, -1, -1], [2, 2, 2]]


def test_worked_by_hand():
    model = create("majority_vote", n_classes=3).fit(VOTES)
    balance = (np.array([2 / 3 + 0.5, 1 / 3 + 1 + 0.5, 1]) + 1) / (4 + 3)
    assert model.class_balance_ == pytest.approx(balance)
    proba = model.predict_proba(VOTES)
    assert proba == pytest.approx(np.array([[2 / 3, 1 / 3, 0], [0, 1, 0], [0.5, 0.5, 0], balance, [0, 0, 1]]))
    assert model.predict(VOTES).tolist() == [0, 1, -1, -1, 2]


def test_gold_changes_the_class_balance_and_nothing_else():
    plain = create("majority_vote", n_classes=3).fit(VOTES)
    gold = create("majority_vote", n_classes=3).fit(VOTES, gold=[2, -1, -1, 1, -1])
    assert gold.class_balance_ == pytest.approx((np.array([0.5, 1.5, 2]) + 1) / 7)  # row 3 has no votes
    covered = [0, 1, 2, 4]
    assert (gold.predict_proba(VOTES)[covered] == plain.predict_proba(VOTES)[covered]).all()


def test_a_repeated_answer_counts_again():
    import polars as pl

    answers = pl.DataFrame({"item": ["a"] * 3, "labeler": ["x", "x", "y"], "code": [1, 1, 0]})
    votes = LabelMatrix.from_answers(answers)
    proba = create("majority_vote", n_classes=2).fit(votes).predict_proba(votes)
    assert proba == pytest.approx(np.array([[1 / 3, 2 / 3]]))


@settings(deadline=None)
@given(vote_matrices())
def test_equals_counting(votes):
    model = create("majority_vote", n_classes=3).fit(votes)
    for row, proba, label in zip(
        votes.tolist(), model.predict_proba(votes), model.predict(votes), strict=True
    ):
        counts = [row.count(y) for y in range(3)]
        top = [y for y in range(3) if counts[y] == max(counts)]
        assert label == (top[0] if len(top) == 1 else -1)
        if sum(counts):
            assert proba == pytest.approx([c / sum(counts) for c in counts])
