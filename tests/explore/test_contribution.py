"""What a rule adds, against refitting on the matrix without its column."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import naive
from strategies import vote_matrices
from weaklabel.explore.contribution import contributions, gold_accuracy, model_accuracy, without_rule
from weaklabel.explore.meanings import Meanings
from weaklabel.label_matrix import LabelMatrix, as_patterns
from weaklabel.label_model import create
from weaklabel.lf import LFRegistry, regex
from weaklabel.schema import LabelSchema, none_of


def fit_of(name, k=3):
    return lambda patterns: create(name, n_classes=k).fit(patterns)


def answers_of(name, k=3):
    def answers(votes, names):
        if not names:
            return [-1] * len(votes)
        matrix = LabelMatrix.from_numpy(np.array(votes, np.int8), labelers=names, silence=-1)
        return create(name, n_classes=k).fit(matrix).predict(matrix).tolist()

    return answers


@settings(max_examples=60, deadline=None)
@given(vote_matrices(missing=False), st.data(), st.sampled_from(["majority_vote", "dawid_skene"]))
def test_leaving_out_is_refitting_without_the_column(votes, data, name):
    n, m = votes.shape
    gold = data.draw(st.lists(st.integers(-1, 2), min_size=n, max_size=n))
    patterns = LabelMatrix.from_numpy(votes, labelers=[f"r{j}" for j in range(m)], silence=-1).patterns()
    found = contributions(patterns, fit_of(name), gold=np.array(gold))
    for j in range(m):
        one = found[f"r{j}"]
        expected = naive.contribution(votes.tolist(), j, answers_of(name), gold)
        assert (one.changed, one.lost, one.gained, one.helps, one.harms) == expected
        known = sum(g >= 0 for g in gold)
        assert one.right.n == known
        if known:
            assert one.right.value == pytest.approx((one.helps - one.harms) / known)
            assert one.right.low <= one.right.value <= one.right.high


def test_by_hand():
    # two rules for ham, one for spam; row 2 is ham by majority, without the first a tie
    votes = as_patterns([[0, 0, -1], [0, 0, 1], [-1, -1, 1], [0, -1, -1]])
    found = contributions(votes, fit_of("majority_vote"), gold=np.array([0, 1, 1, 0]))
    first, second, third = found.values()
    assert (first.changed, first.lost, first.gained) == (2, 2, 0)
    assert (first.helps, first.harms, first.right.value) == (1, 0, 0.25)
    assert (second.changed, second.helps, second.harms) == (1, 0, 0)
    assert (third.changed, third.lost, third.helps) == (1, 1, 1)


def test_what_the_others_say_leaves_the_rule_itself_out():
    votes = as_patterns([[0, 0], [0, 1], [0, -1], [-1, 1]])
    first = contributions(votes, fit_of("majority_vote", 2))["0"]
    assert first.others_rows == 2 and first.others_say == pytest.approx(0.5)
    alone = contributions(as_patterns([[0]]), fit_of("majority_vote", 2))["0"]
    assert alone.others_say is None and (alone.changed, alone.lost) == (1, 1)


def test_progress_is_told():
    told = []
    votes = as_patterns([[0, 1]])
    contributions(votes, fit_of("majority_vote"), tell=lambda *step: told.append(step))
    assert told == [("rules are left out", 1, 2), ("rules are left out", 2, 2)]


@settings(max_examples=100, deadline=None)
@given(vote_matrices(missing=False, min_labelers=2), st.data())
def test_patterns_without_a_rule(votes, data):
    j = data.draw(st.integers(0, votes.shape[1] - 1))
    names = [f"r{i}" for i in range(votes.shape[1])]
    patterns = LabelMatrix.from_numpy(votes, labelers=names, silence=-1).patterns()
    smaller = without_rule(patterns, j)
    kept = LabelMatrix.from_numpy(
        np.delete(votes, j, 1), labelers=np.delete(names, j).tolist(), silence=-1
    ).patterns()
    assert smaller.labelers == kept.labelers
    assert smaller.keys.tolist() == kept.keys.tolist() and smaller.counts.tolist() == kept.counts.tolist()
    assert smaller.inverse[patterns.inverse].tolist() == kept.inverse.tolist()


def test_accuracies():
    votes = LabelMatrix.from_numpy([[0, -1], [0, 1], [1, 1]], labelers=["a", "b"])
    patterns = votes.patterns()
    gold = gold_accuracy(patterns, np.array([0, 1, -1]), n_classes=2)
    assert {name: (e.value, e.n) for name, e in gold.items()} == {"a": (0.5, 2), "b": (1.0, 1)}
    sure = np.array([[0.9, 0.1], [0.3, 0.7], [0.2, 0.8]])[_first_rows(patterns)]
    by_model = model_accuracy(patterns, sure)
    assert by_model["a"] == (pytest.approx((0.9 + 0.3 + 0.8) / 3), 3)
    assert by_model["b"] == (pytest.approx(0.75), 2)
    assert gold_accuracy(patterns, None, n_classes=2)["a"].value is None


def _first_rows(patterns):
    rows = patterns.inverse.tolist()
    return [rows.index(i) for i in range(len(patterns))]


def test_negations_are_right_wherever_they_leave_the_class():
    schema = LabelSchema(["a", "b", "c"])
    meanings = Meanings.of(LFRegistry([regex("not_a", "x", label=none_of("a"))], schema=schema))
    patterns = LabelMatrix.from_numpy([[3], [3], [3]], labelers=["not_a"]).patterns()
    assert (
        gold_accuracy(patterns, np.array([0, 1, 2]), n_classes=3, meanings=meanings)["not_a"].value == 2 / 3
    )
    assert model_accuracy(patterns, np.array([[0.2, 0.3, 0.5]]), meanings)["not_a"] == (pytest.approx(0.8), 3)
