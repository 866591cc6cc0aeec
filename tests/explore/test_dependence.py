import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import naive
from weaklabel.explore.dependence import (
    dependence_groups,
    dependence_report,
    dependences,
    effects,
    merged_rules,
    pairs_to_try,
)
from weaklabel.label_matrix import Alphabet, as_patterns
from weaklabel.label_model import create


def votes(seed, n=4000, m=8, k=2, copies=0):
    """Rules that are independent given the class; the last `copies` mostly repeat the first."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, k, n)
    said = np.where(rng.random((n, m)) < 0.75, truth[:, None], rng.integers(0, k, (n, m)))
    said[rng.random((n, m)) > 0.4] = -1
    for j in range(copies):
        repeat = rng.random(n) < 0.6
        said[repeat, m - 1 - j] = said[repeat, 0]
    return said, truth


@settings(max_examples=25)
@given(st.integers(0, 10**6), st.integers(2, 5), st.integers(2, 3))
def test_counts_are_those_of_the_plain_formula(seed, m, k):
    rng = np.random.default_rng(seed)
    dense = rng.integers(-2, k, (30, m))
    patterns = as_patterns(dense)
    p = rng.dirichlet(np.ones(k), len(patterns))
    table = dependences(patterns, p)
    rows = p[patterns.inverse]
    expected = naive.co_votes(dense.tolist(), rows.tolist())
    assert table.height == len(expected)
    for line in table.iter_rows(named=True):
        both, expected_both, same, expected_same = expected[line["rule"], line["other"]]
        assert (line["both"], line["same"]) == (both, same)
        assert line["expected_both"] == pytest.approx(expected_both, abs=1e-9)
        assert line["expected_same"] == pytest.approx(expected_same, abs=1e-9)


def test_one_pair_worked_by_hand():
    # One class only: 100 rows, both rules vote on 50 rows each, 40 of them together. Expected 25, variance
    # 100 * .5 * .5 * .5 * .5 = 6.25 is below 9, so the tail is Poisson's: P(X >= 40 | 25) = .0034.
    dense = [[0, 0]] * 40 + [[0, -1]] * 10 + [[-1, 0]] * 10 + [[-1, -1]] * 40
    patterns = as_patterns(dense)
    line = dependences(patterns, np.tile([1.0, 0.0], (len(patterns), 1))).row(0, named=True)
    assert (line["both"], line["expected_both"], line["same"], line["expected_same"]) == (40, 25.0, 40, 25.0)
    assert line["z"] == pytest.approx((40 - 25 - 0.5) / 2.5)
    assert line["p"] == pytest.approx(2 * 0.00342, abs=2e-4)
    assert line["q"] == line["p"]


def test_copies_are_found_and_independent_rules_are_not():
    dense, _ = votes(1, copies=2)
    patterns = as_patterns(dense)
    p = create("dawid_skene", n_classes=2).fit(patterns).predict_proba(patterns)
    table = dependences(patterns, p)
    assert dependence_groups(table)[0][:1] == ("0",)
    assert {("0", "6"), ("0", "7")} <= set(pairs_to_try(table))


def test_the_false_discovery_rate_holds_where_all_rules_are_independent():
    alarms = 0
    for seed in range(40):
        dense, truth = votes(seed, n=1500, m=6)
        patterns = as_patterns(dense)
        p = np.zeros((len(patterns), 2))
        np.add.at(p, (patterns.inverse, truth), 1)
        p = np.full_like(p, 0) + p / p.sum(axis=1, keepdims=True)
        alarms += bool((dependences(patterns, p)["q"] <= 0.05).any())
    assert alarms <= 6  # 40 times 5 % are 2; 7 or more would happen once in 1,000


def test_rules_without_votes_and_single_rules():
    assert dependences(as_patterns([[0], [1]]), np.full((2, 2), 0.5)).height == 0
    patterns = as_patterns([[0, -1], [1, -1]])
    assert dependences(patterns, np.full((2, 2), 0.5)).height == 0
    assert dependence_groups(dependences(patterns, np.full((2, 2), 0.5))) == ()


@settings(max_examples=25)
@given(st.integers(0, 10**6))
def test_merged_rules_are_those_of_the_plain_reading(seed):
    rng = np.random.default_rng(seed)
    dense = rng.integers(-2, 3, (20, 4))
    i, j = sorted(rng.choice(4, 2, replace=False).tolist())
    merged = merged_rules(as_patterns(dense), i, j)
    plain = []
    for row in dense.tolist():
        a, b = max(row[i], -1), max(row[j], -1)
        row[i] = b if a < 0 else a if b in (-1, a) else -1
        plain.append(row[:j] + row[j + 1 :])
    inverse = merged.inverse[as_patterns(dense).inverse]
    for row, pattern in zip(plain, inverse.tolist(), strict=True):
        part = slice(merged.indptr[pattern], merged.indptr[pattern + 1])
        keep = merged.codes[part] >= 0
        heard = dict(
            zip(merged.labeler_index[part][keep].tolist(), merged.codes[part][keep].tolist(), strict=True)
        )
        assert heard == {place: code for place, code in enumerate(row) if code >= 0}
    assert merged.n_rows == 20


def test_effects_count_labels_and_gold():
    dense = [[0, 0, 1], [0, 0, 1], [-1, -1, 1], [1, 1, 1]]
    patterns = as_patterns(dense)
    fit = lambda some: create("majority_vote", n_classes=2).fit(some)  # noqa: E731
    first, second, merged = effects(patterns, "0", "1", fit, gold=np.array([1, 0, -1, 1]))
    assert (first.action, first.rules, first.changed) == ("drop", ("0",), 2)
    # Two rows turn from 0 to a tie: one was wrong and stays without a label, one was right.
    assert first.right.value == pytest.approx(-1 / 3)
    assert second.changed == 2
    assert merged.rules == ("0", "1")
    assert merged.to_dict()["action"] == "merge"
    assert effects(patterns, "1", "0", fit)[0].rules == ("0",)


def test_the_table_has_its_columns_even_when_empty():
    table = dependences(as_patterns([[-1, -1]]), np.full((1, 2), 0.5))
    assert table.columns == ["rule", "other", "both", "expected_both", "same", "expected_same", "z", "p", "q"]
    assert table.schema["rule"] == pl.String


OUTCOMES = {"0": [[0, 1], [1, 2]], "1": [[1, 2], [2], [0, 1]]}
"""Of three classes: the rules number the same sets differently."""


def test_two_rules_say_the_same_by_different_codes():
    """Rule 0's code 3 is rule 1's 5, and its 4 is rule 1's 3."""
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 3, 900)
    first = np.where(truth == 0, 3, 4)
    first[rng.random(900) < 0.5] = -1
    second = np.where(first == 3, 5, np.where(first == 4, 3, -1))
    others = np.where(rng.random((900, 3)) < 0.5, truth[:, None], -1)
    patterns = as_patterns(np.column_stack([first, second, others]).astype(np.int8))

    def fit_model(rows):
        return create("majority_vote", n_classes=3, outcomes=OUTCOMES).fit(rows)

    found = dependence_report(patterns, fit_model, most=1)
    assert found.groups == (("0", "1"),)
    line = found.dependent.row(0, named=True)
    assert (line["rule"], line["other"]) == ("0", "1")
    assert line["both"] == line["same"] == (first >= 0).sum()
    assert [effect.changed for effect in found.effects["0", "1"]][2] <= 900


def test_merged_rules_speak_in_the_first_ones_codes():
    alphabet = Alphabet.of(3, OUTCOMES)
    cases = {
        (3, -1): 3,  # only the first
        (-1, 3): 4,  # "1 or 2" by the second
        (-1, 4): 2,  # a set of one
        (3, 5): 3,  # the same
        (3, 0): 0,  # the narrower of two that agree
        (1, 3): 1,
        (3, 4): -1,  # "0 or 1" and 2
        (-1, -1): -1,
    }
    merged = merged_rules(as_patterns(list(cases)), 0, 1, alphabet)
    said = [merged.codes[merged.indptr[i] : merged.indptr[i + 1]].tolist() for i in merged.inverse]
    rows = as_patterns(list(cases))
    by_case = {
        case: said[rows.inverse[i]][0] if said[rows.inverse[i]] else -1 for i, case in enumerate(cases)
    }
    assert by_case == cases
    only_second = merged_rules(as_patterns([[-1, 3]]), 0, 1, Alphabet.of(3, {"1": [[1, 2]]}))
    assert only_second.n_votes.tolist() == [0]  # the first rule never names that set
