import itertools

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from weaklabel.kernels.rows import dense_events


@settings(max_examples=100)
@given(
    st.integers(0, 10**6),
    st.integers(0, 12),
    st.integers(1, 19),
    st.integers(2, 126),
    st.sampled_from([0, 0.1, 0.5, 1]),
)
def test_events_are_those_of_the_plain_loop(seed, n, m, k, coverage):
    rng = np.random.default_rng(seed)
    dense = np.where(rng.random((n, m)) < coverage, rng.integers(-2, k, (n, m)), -1).astype(np.int8)
    indptr, labelers, codes = dense_events(dense)
    expected = [[(j, int(v)) for j, v in enumerate(row) if v != -1] for row in dense]
    pairs = list(zip(labelers.tolist(), codes.tolist(), strict=True))
    assert [pairs[a:b] for a, b in itertools.pairwise(indptr.tolist())] == expected


def test_the_last_votes_are_not_lost_where_the_size_is_no_multiple_of_eight():
    dense = np.full((3, 7), -1, np.int8)
    dense[2, 6] = 5
    indptr, labelers, codes = dense_events(dense)
    assert indptr.tolist() == [0, 0, 0, 1]
    assert (labelers.tolist(), codes.tolist()) == ([6], [5])
