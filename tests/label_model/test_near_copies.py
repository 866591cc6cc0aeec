"""Copies and near copies of rules, found from votes alone."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests import naive

from weaklabel.label_matrix import as_patterns
from weaklabel.label_model.cells import Cells
from weaklabel.label_model.near_copies import (
    co_votes,
    find_copies,
    overlap_weights,
    pool,
    sampled,
    shared_votes,
)


def rules(seed=0, n=3000, k=2):
    """Six independent rules, right on 75 of 100 rows, each on 40 of 100 rows."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, k, n)
    votes = np.full((n, 6), -1, np.int8)
    for j in range(6):
        said = np.where(rng.random(n) < 0.75, truth, (truth + rng.integers(1, k, n)) % k)
        fires = rng.random(n) < 0.4
        votes[fires, j] = said[fires]
    return votes, truth, rng


def noisy(votes, rng, k=2):
    """A copy of which 10 of 100 votes are dropped and 5 of 100 changed."""
    copy = votes.copy()
    changed = (copy >= 0) & (rng.random(len(copy)) < 0.05)
    copy[changed] = (copy[changed] + rng.integers(1, k, changed.sum())) % k
    copy[rng.random(len(copy)) < 0.1] = -1
    return copy


def test_co_votes_by_hand():
    found = co_votes(as_patterns([[0, 0], [0, 1], [0, 1], [-1, 1]]), 2)
    assert found.cells.tolist() == [2, 6, 7]  # rule 0 says 0; rule 1 says 0; rule 1 says 1
    assert found.counts.tolist() == [[3, 1, 2], [0, 1, 0], [0, 0, 3]]
    assert found.unit == 1
    assert shared_votes(found, 2, 2)[0, 1] == 1 / (3 + 4 - 1)


@pytest.mark.parametrize("k", [2, 4])
def test_near_copies_are_found_and_nothing_else(k):
    votes, _, rng = rules(k=k)
    busy = votes[:, [2]]
    copies = [noisy(votes[:, 2], rng, k) for _ in range(4)]
    into, rank, found = find_copies(as_patterns(np.column_stack([votes, busy, *copies])), k)
    assert into.tolist() == [0, 1, 2, 3, 4, 5, 2, 2, 2, 2, 2]
    assert rank[2] < rank[7:].min()
    assert found is None
    into, _, found = find_copies(as_patterns(votes), k)
    assert into.tolist() == [0, 1, 2, 3, 4, 5]
    assert found is not None


def test_a_rule_that_departs_where_it_knows_better_is_no_copy():
    """Like rule 2 on most rows, but right wherever it departs: the other rules side with it there."""
    votes, truth, rng = rules()
    wiser = votes[:, 2].copy()
    wrong = (wiser >= 0) & (wiser != truth) & (rng.random(len(wiser)) < 0.5)
    wiser[wrong] = truth[wrong]
    table = np.column_stack([votes, wiser])
    patterns = as_patterns(table)
    assert shared_votes(co_votes(patterns, 2), 7, 2)[2, 6] > 0.7
    assert find_copies(patterns, 2)[0].tolist() == [0, 1, 2, 3, 4, 5, 6]


@pytest.mark.parametrize(
    "votes",
    [
        [[0, 0], [1, 1]] * 10 + [[0, 1]],  # nobody else to ask
        [[0, 0, 1], [1, 1, 0], [0, 0, 0], [1, 1, 1], [0, -1, 1]],  # one departure proves nothing
    ],
)
def test_rules_alike_are_no_copies_without_proof(votes):
    patterns = as_patterns(votes)
    assert shared_votes(co_votes(patterns, 2), len(votes[0]), 2)[0, 1] > 0.7
    assert find_copies(patterns, 2)[0].tolist() == list(range(len(votes[0])))


def test_people_are_never_copies():
    votes = np.array([[0, 0], [1, 1], [0, 0], [-2, 1]], np.int8)
    assert as_patterns(votes).silence.tolist() == [-2, -2]
    assert find_copies(as_patterns(votes), 2)[0].tolist() == [0, 1]


def test_overlaps_count_less():
    shared = np.array([[0, 0.3, 0.65], [0.3, 0, 1.0], [0.65, 1.0, 0]])
    assert np.allclose(overlap_weights(shared), [1 / 1.5, 1 / 2, 1 / 2.5])


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_pooled_votes_are_those_of_the_slow_twin(data):
    m = data.draw(st.integers(2, 6))
    row = st.lists(st.integers(-1, 2), min_size=m, max_size=m)
    votes = data.draw(st.lists(row, min_size=1, max_size=8))
    into = np.array([data.draw(st.integers(0, j)) for j in range(m)])
    into = np.array([j if into[into[j]] != into[j] else into[j] for j in range(m)])
    for _ in range(m):
        into = into[into]
    rank = np.array(data.draw(st.permutations(range(m))))
    patterns = as_patterns(np.array(votes, np.int8))
    pooled = pool(Cells.of(patterns, 3), into, rank)
    dense = np.full((len(patterns), m), -1)
    row = np.repeat(np.arange(len(patterns)), np.diff(pooled.indptr))
    dense[row, pooled.cells // 5] = pooled.cells % 5 - 2
    assert len(set(zip(row.tolist(), pooled.cells.tolist(), strict=True))) == len(row)
    assert dense[patterns.inverse].tolist() == naive.pooled_copies(votes, into.tolist(), rank.tolist())
    assert (dense >= 0).any(axis=1).tolist() == (patterns.n_votes > 0).tolist()


def test_a_sample_depends_on_content_only_and_is_unbiased():
    rng = np.random.default_rng(0)
    votes = np.where(rng.random((4000, 12)) < 0.4, rng.integers(0, 2, (4000, 12)), -1).astype(np.int8)
    patterns = as_patterns(votes)
    rows, weights, unit = sampled(patterns, 500)
    shuffled = as_patterns(votes[rng.permutation(len(votes))])
    again, same, _ = sampled(shuffled, 500)
    assert (rows == again).all()
    assert (weights == same).all()
    assert abs(len(rows) - 500) < 100
    assert unit > 1
    assert (weights >= unit).all()
    assert abs(weights.sum() / len(votes) - 1) < 0.15
