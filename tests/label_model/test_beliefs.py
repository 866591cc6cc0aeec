import numpy as np
import pytest

from weaklabel.label_matrix import as_patterns
from weaklabel.label_model import create
from weaklabel.label_model.beliefs import beliefs


def fit(patterns):
    return create("dawid_skene", n_classes=2, smoothing=0.01).fit(patterns)


def sample(seed, n=600, m=6):
    """Independent rules that vote for either class with the accuracy drawn for them."""
    rng = np.random.default_rng(seed)
    truth = (rng.random(n) < 0.4).astype(int)
    accuracy = rng.uniform(0.7, 0.9, m)
    said = np.where(rng.random((n, m)) < accuracy, truth[:, None], 1 - truth[:, None])
    said[rng.random((n, m)) > 0.6] = -1
    return said, truth, accuracy


def test_counts_and_coverage_are_exact():
    votes = np.array([[0, -1], [0, 1], [-1, 1], [1, -1]])
    found = beliefs(as_patterns(votes), lambda p: create("majority_vote", n_classes=2).fit(p), resamples=5)
    table = found.votes
    assert table.select("labeler", "code", "votes").rows() == [("0", 0, 2), ("0", 1, 1), ("1", 1, 2)]
    assert table["coverage"].to_list() == [0.5, 0.25, 0.5]
    # majority vote: row 1 is a tie, so rule 0's votes for class 0 are right with (1 + .5) / 2
    assert table["precision"].to_list() == [0.75, 1.0, 0.75]
    assert [round(e.value, 3) for e in found.class_balance] == [0.375, 0.625]


def test_intervals_cover_at_their_rate_where_the_model_is_true():
    inside = total = 0
    balance = 0
    for seed in range(30):
        votes, _, accuracy = sample(seed)
        found = beliefs(as_patterns(votes), fit, resamples=60, seed=seed)
        for line in found.votes.iter_rows(named=True):
            a, prior = accuracy[int(line["labeler"])], (0.6, 0.4)
            right, other = prior[line["code"]] * a, prior[1 - line["code"]] * (1 - a)
            inside += line["precision_low"] <= right / (right + other) <= line["precision_high"]
            total += 1
        balance += found.class_balance[1].low <= 0.4 <= found.class_balance[1].high
    assert 0.90 <= inside / total <= 0.985  # 360 intervals at 95 %, not independent of each other
    assert balance >= 25  # 30 at 95 %: fewer than 25 would happen once in 100


def test_a_rule_that_meets_no_pair_of_others_is_not_identified():
    votes = [
        [0, 0, 0, -1, -1],
        [1, 1, 1, -1, -1],
        [-1, -1, -1, 0, -1],
        [-1, -1, 0, 1, -1],
        [-1, -1, -1, -1, 1],
    ]
    table = beliefs(as_patterns(votes), fit, resamples=2).votes
    known = dict(table.select("labeler", "identified").unique().rows())
    assert known == {"0": True, "1": True, "2": True, "3": False, "4": False}


def test_the_same_seed_gives_the_same_intervals_and_no_resamples_none():
    votes, _, _ = sample(1, n=100)
    patterns = as_patterns(votes)
    one, two = (beliefs(patterns, fit, resamples=5, seed=3).votes for _ in range(2))
    assert one.equals(two)
    assert not one.equals(beliefs(patterns, fit, resamples=5, seed=4).votes)
    assert np.isnan(beliefs(patterns, fit, resamples=0).votes["precision_low"].to_numpy()).all()


def test_progress_is_told():
    steps = []
    beliefs(as_patterns([[0, 1]]), fit, resamples=3, tell=lambda *step: steps.append(step))
    assert steps[-1] == ("the model is fitted again", 3, 3)


def test_rows_without_votes_count_for_coverage_only():
    votes = np.array([[0, 0, 0]] * 10 + [[-1, -1, -1]] * 10)
    found = beliefs(as_patterns(votes), fit, resamples=4)
    assert found.votes["coverage"].to_list() == [0.5] * 3
    assert found.class_balance[0].value == pytest.approx(
        float(fit(as_patterns(votes[:10])).predict_proba(votes[:1])[0, 0]), abs=0.02
    )


def test_an_outcome_is_right_where_the_class_is_in_it():
    """Three classes; the first rule's 3 is "0 or 1", its 4 is 2; the second's 3 is "not 0"."""
    outcomes = {"0": [[0, 1], [2]], "1": [[1, 2]]}
    votes = as_patterns([[3, 0], [3, 1], [4, 2], [-1, 3]])
    make = lambda rows: create("majority_vote", n_classes=3, outcomes=outcomes).fit(rows)  # noqa: E731
    table = beliefs(votes, make, resamples=5).votes
    shown = {
        (who, code): precision for who, code, precision in table.select("labeler", "code", "precision").rows()
    }
    # "0 or 1" beside 0 gives .75 and .25; beside 1 likewise; "not 0" alone is one half each
    assert shown == {
        ("0", 3): 1.0,
        ("0", 4): 1.0,
        ("1", 0): 0.75,
        ("1", 1): 0.75,
        ("1", 2): 1.0,
        ("1", 3): 1.0,
    }
