"""How rules go together: the pairs' numbers against an obvious twin, and rules that say the same."""

import math

import numpy as np
import pytest
from hypothesis import given, settings

import naive
from strategies import vote_matrices
from weaklabel.explore.agreement import Counts, pair_table, redundancies
from weaklabel.explore.meanings import Meanings
from weaklabel.label_matrix import LabelMatrix, as_patterns
from weaklabel.lf import LFRegistry, regex
from weaklabel.schema import LabelSchema, any_of, none_of


def counts_of(votes, k=3):
    patterns = as_patterns(np.array(votes, np.int8))
    return Counts.of(patterns, patterns.codes, np.eye(k, dtype=bool))


@settings(max_examples=200, deadline=None)
@given(vote_matrices())
def test_pairs_are_what_counting_says(votes):
    counts = counts_of(votes)
    for (i, j), (both, same, kappa, lift, overlap) in naive.rule_pairs(votes.tolist()).items():
        assert counts.both[i, j] == both and counts.same[i, j] == same
        assert counts.overlap[i, j] == pytest.approx(overlap)
        assert math.isnan(counts.lift[i, j]) if lift is None else counts.lift[i, j] == pytest.approx(lift)
        assert math.isnan(counts.kappa[i, j]) if kappa is None else counts.kappa[i, j] == pytest.approx(kappa)


def test_kappa_by_hand():
    # both vote on 10 rows: 4 times (0, 0), 3 times (1, 1), twice (0, 1), once (1, 0)
    votes = [[0, 0]] * 4 + [[1, 1]] * 3 + [[0, 1]] * 2 + [[1, 0]] + [[0, -1]] * 5
    chance = (6 * 5 + 4 * 5) / 100
    assert counts_of(votes).kappa[0, 1] == pytest.approx((0.7 - chance) / (1 - chance))
    assert np.isnan(counts_of([[0, 0], [0, 0]]).kappa[0, 1])


def test_votes_of_sets_agree_where_a_class_is_left():
    schema = LabelSchema(["a", "b", "c"])
    rules = [
        regex("ab", "x", label=any_of("a", "b")),
        regex("not_a", "y", label=none_of("a")),
        regex("c", "z", label="c"),
    ]
    meanings = Meanings.of(LFRegistry(rules, schema=schema))
    votes = LabelMatrix.from_numpy([[3, 3, -1], [3, -1, 2], [-1, 3, 2]], labelers=["ab", "not_a", "c"])
    assert meanings.votes(votes).tolist() == [[3, 4, -1], [3, -1, 2], [-1, 4, 2]]
    patterns = votes.patterns()
    counts = Counts.of(patterns, meanings.events(patterns), meanings.agree)
    assert counts.same.tolist() == [[2, 1, 0], [1, 2, 1], [0, 1, 2]]
    assert meanings.contested(meanings.votes(votes)).tolist() == [False, True, False]


def test_the_table_has_each_pair_that_meets_once():
    table = pair_table(counts_of([[0, 0, -1], [0, 1, -1], [-1, -1, 0]]), ["a", "b", "c"])
    assert table.select("rule", "other", "both", "conflicts", "agreement").rows() == [("a", "b", 2, 1, 0.5)]
    assert pair_table(counts_of([[-1, 0], [0, -1]]), ["a", "b"]).height == 0


def test_the_most_surprising_pair_comes_first():
    votes = [[0, 0, 0, -1]] * 9 + [[-1, -1, 0, 0]] * 45 + [[-1, -1, 0, -1]] * 40 + [[-1, -1, -1, -1]] * 6
    table = pair_table(counts_of(votes), ["a", "b", "wide", "other"])
    assert table.row(0)[:2] == ("a", "b")
    assert table["surprise"].abs().is_sorted(descending=True)


# ---- redundancy ----


def redundant(votes):
    return [(r.rule, r.by, r.kind, round(r.share, 2), r.rows) for r in redundancies(counts_of(votes), "ab")]


def test_of_two_equal_rules_the_later_one_could_go():
    assert redundant([[0, 0]] * 5 + [[-1, -1]] * 5) == [("b", "a", "same", 1.0, 5)]


def test_a_rule_inside_another():
    assert redundant([[0, 0]] * 4 + [[0, -1]] * 6) == [("b", "a", "inside", 1.0, 4)]


def test_the_same_rows_with_other_labels_are_no_redundancy():
    assert redundant([[0, 1]] * 5) == []


def test_few_votes_prove_nothing():
    assert redundant([[0, 0]] * 2 + [[0, -1]] * 6) == []


def test_nearly_the_same():
    votes = [[0, 0]] * 9 + [[0, -1]] + [[-1, 0]]
    assert redundant(votes) == [("b", "a", "same", 0.82, 9)]
    assert redundant([[0, 0]] * 5 + [[0, -1]] * 3 + [[-1, 0]] * 3) == []


@settings(max_examples=100, deadline=None)
@given(vote_matrices(max_rows=30))
def test_never_both_of_a_pair(votes):
    found = redundancies(counts_of(votes), [str(j) for j in range(votes.shape[1])])
    pairs = {(r.rule, r.by) for r in found}
    assert not any((b, a) in pairs for a, b in pairs)
    assert len({r.rule for r in found}) == len(found)
