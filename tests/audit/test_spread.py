import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from naive import farthest_first
from weaklabel.audit.spread import k_center
from weaklabel.errors import GoldError

POINTS = st.lists(st.tuples(st.integers(0, 20), st.integers(0, 20)), min_size=1, max_size=9)


@given(POINTS, st.integers(1, 5), st.integers(0, 3))
def test_groups_are_those_of_the_naive_twin(points, k, seed):
    rows = np.array(points, dtype=float)
    order = np.random.default_rng(seed).permutation(len(rows))
    found = k_center(rows, k, order=order)
    centres, of = farthest_first(points, k, order.tolist())
    assert found.centres.tolist() == centres
    assert found.of.tolist() == of


@given(POINTS, st.integers(1, 3))
def test_radius_is_at_most_twice_the_best(points, k):
    rows = np.array(points, dtype=float)
    best = min(
        max(min(np.linalg.norm(p - rows[c]) for c in chosen) for p in rows)
        for chosen in itertools.combinations_with_replacement(range(len(rows)), k)
    )
    assert k_center(rows, k).radius <= 2 * best + 1e-9


def test_equal_rows_are_one_group():
    assert k_center(np.ones((4, 2)), 3).centres.tolist() == [0]


def test_nothing_to_spread_over():
    with pytest.raises(GoldError, match="no rows"):
        k_center(np.zeros((0, 2)), 1)
    with pytest.raises(GoldError, match="not 0"):
        k_center(np.zeros((1, 2)), 0)
