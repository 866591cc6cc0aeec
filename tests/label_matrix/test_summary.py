import warnings

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import naive
from strategies import vote_matrices
from weaklabel.errors import VotesError
from weaklabel.label_matrix import LabelMatrix, lf_summary
from weaklabel.stats import wilson

VOTES = np.array(
    [
        [-1, 0, 0],
        [-1, -1, -1],
        [1, 0, -1],
        [-1, 0, -2],
        [0, 0, 0],
    ],
    np.int8,
)
GOLD = np.array([0, 1, 1, 1, -1])


def test_worked_by_hand():
    table = lf_summary(LabelMatrix.from_numpy(VOTES, labelers=["a", "b", "c"]))
    assert table.columns == ["labeler", "j", "Polarity", "Coverage", "Overlaps", "Conflicts"]
    assert table.rows() == [
        ("a", 0, [0, 1], 0.4, 0.4, 0.2),
        ("b", 1, [0], 0.8, 0.6, 0.2),
        ("c", 2, [0], 0.4, 0.4, 0.0),
    ]


def test_gold_by_hand_counts_known_rows_only():
    table = lf_summary(VOTES, gold=GOLD, names=["a", "b", "c"])
    assert table.select("labeler", "Correct", "Incorrect", "Emp. Acc.").rows() == [
        ("a", 1, 0, 1.0),
        ("b", 1, 2, 1 / 3),
        ("c", 1, 0, 1.0),
    ]
    interval = wilson(1, 3)
    assert table.row(1)[-2:] == (interval.low, interval.high)


def test_a_rule_without_votes_on_gold_has_no_accuracy():
    table = lf_summary([[0, -1], [1, -1]], gold=[0, 0])
    assert table.row(1, named=True) == {
        "labeler": "1",
        "j": 1,
        "Polarity": [],
        "Coverage": 0.0,
        "Overlaps": 0.0,
        "Conflicts": 0.0,
        "Correct": 0,
        "Incorrect": 0,
        "Emp. Acc.": None,
        "Acc. Low": None,
        "Acc. High": None,
    }


@settings(deadline=None)
@given(vote_matrices())
def test_equals_its_twin(votes):
    table = lf_summary(votes)
    expected = naive.lf_summary(votes.tolist())
    got = table.select("Polarity", "Coverage", "Overlaps", "Conflicts").rows()
    assert got == [(p, pytest.approx(c), pytest.approx(o), pytest.approx(x)) for p, c, o, x in expected]


@pytest.mark.snorkel
@settings(deadline=None, max_examples=25)
@given(vote_matrices(missing=False), st.randoms(use_true_random=False))
def test_equals_snorkel(votes, random):
    gold = np.array([random.randrange(3) for _ in votes])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Snorkel's own use of scipy
        from snorkel.labeling import LFAnalysis

        theirs = LFAnalysis(votes.astype(int)).lf_summary(gold)
    ours = lf_summary(votes, gold=gold)
    assert ours["Polarity"].to_list() == theirs["Polarity"].tolist()
    for column in ("Coverage", "Overlaps", "Conflicts", "Correct", "Incorrect"):
        assert ours[column].to_list() == pytest.approx(theirs[column].tolist()), column
    voted = (votes >= 0).any(axis=0)
    assert np.array(ours["Emp. Acc."].to_list(), float)[voted] == pytest.approx(
        theirs["Emp. Acc."].to_numpy()[voted]
    )


def test_repeated_answers_cover_a_row_once():
    answers = pl.DataFrame(
        {"item": ["a", "a", "a", "b"], "labeler": ["x", "x", "y", "y"], "code": [0, 1, 1, 0]}
    )
    table = lf_summary(LabelMatrix.from_answers(answers), gold={"a": 1})
    assert table.select("Coverage", "Overlaps", "Conflicts", "Correct", "Incorrect").rows() == [
        (0.5, 0.5, 0.5, 1, 1),
        (1.0, 0.5, 0.5, 1, 0),
    ]


def test_empty_votes_and_wrong_names():
    table = lf_summary(np.zeros((0, 2), np.int8))
    assert table["Coverage"].to_list() == [0, 0]
    with pytest.raises(VotesError, match="1 names for 2 labelers"):
        lf_summary([[0, 1]], names=["a"])
