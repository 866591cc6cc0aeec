import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from weaklabel.kernels import patterns as kernel
from weaklabel.kernels.patterns import dense_to_events, labeler_hashes

SMALL = st.integers(-(2**63), 2**63 - 1)


@settings(deadline=None)
@given(st.lists(SMALL.map(lambda x: x % 7) | SMALL, max_size=50))
def test_groups_in_order_of_first_appearance(keys):
    first, groups = kernel.group(np.array(keys, np.int64))
    distinct = list(dict.fromkeys(keys))
    assert [keys[i] for i in first] == distinct
    assert first.tolist() == [keys.index(k) for k in distinct]
    assert [distinct[g] for g in groups] == keys


def test_grouping_is_not_fooled_by_equal_low_bits():
    keys = np.arange(3000, dtype=np.int64) << 40
    first, groups = kernel.group(np.concatenate([keys, keys]))
    assert first.tolist() == list(range(3000))
    assert groups.tolist() == [*range(3000), *range(3000)]


@settings(deadline=None)
@given(st.lists(SMALL, min_size=1, unique=True))
def test_mixing_keeps_keys_apart_and_leaves_its_argument(keys):
    before = np.array(keys, np.int64)
    mixed = kernel.mix(before)
    assert before.tolist() == keys
    assert len(set(mixed.tolist())) == len(keys)


def test_mixing_equals_the_published_finaliser():
    def fmix64(x):  # Appleby, MurmurHash3, 64-bit finaliser
        x ^= x >> 33
        x = x * 0xFF51AFD7ED558CCD % 2**64
        x ^= x >> 33
        x = x * 0xC4CEB9FE1A85EC53 % 2**64
        return x ^ x >> 33

    keys = [0, 1, 2**63 - 1, 123456789]
    assert kernel.mix(np.array(keys, np.int64)).view(np.uint64).tolist() == [fmix64(x) for x in keys]


def test_keys_of_a_matrix_and_of_its_events_agree():
    rng = np.random.default_rng(0)
    table = rng.integers(-(2**62), 2**62, size=(4, 5))
    silence = np.array([-1, -2, -1, -1])
    table[np.arange(4), silence + 2] = 0
    votes = rng.integers(-2, 3, size=(50, 4)).astype(np.int8)
    events = kernel.dense_to_events(votes, np.arange(50), silence)
    assert kernel.dense_keys(votes, table).tolist() == kernel.event_keys(*events, table).tolist()
    by_hand = [
        (sum(int(table[j, v + 2]) for j, v in enumerate(row)) + 2**63) % 2**64 - 2**63
        for row in votes.tolist()
    ]
    assert kernel.dense_keys(votes, table).tolist() == by_hand


@settings(deadline=None)
@given(st.lists(st.lists(st.tuples(st.integers(0, 3), st.integers(-1, 2)), max_size=6), max_size=6))
def test_sorting_and_taking_events(rows):
    indptr = np.cumsum([0, *map(len, rows)])
    flat = [event for row in rows for event in row]
    labelers = np.array([j for j, _ in flat], np.int32)
    codes = np.array([c for _, c in flat], np.int8)
    kernel.sort_events(indptr, labelers, codes)
    expected = [event for row in rows for event in sorted(row)]
    assert list(zip(labelers.tolist(), codes.tolist(), strict=True)) == expected
    order = np.arange(len(rows))[::-1].copy()
    new, who, what = kernel.take_events(indptr, labelers, codes, order)
    backwards = [event for row in rows[::-1] for event in sorted(row)]
    assert list(zip(who.tolist(), what.tolist(), strict=True)) == backwards
    assert np.diff(new).tolist() == [len(row) for row in rows[::-1]]


def test_differences_within_groups_are_found():
    votes = np.array([[0, 1], [0, 1], [1, 0]], np.int8)
    first = np.array([0, 2])
    assert kernel.dense_difference(votes, np.array([0, 0, 1]), first) == -1
    assert kernel.dense_difference(votes, np.array([0, 0, 0]), first) == 2
    events = kernel.dense_to_events(votes, np.arange(3), np.array([-1, -1]))
    assert kernel.event_difference(*events, np.array([0, 0, 1]), first) == -1
    assert kernel.event_difference(*events, np.array([0, 0, 0]), first) == 2
    shorter = kernel.dense_to_events(np.array([[0, 1], [0, -1]], np.int8), np.arange(2), np.array([-1, -1]))
    assert kernel.event_difference(*shorter, np.array([0, 0]), first) == 1


@settings(max_examples=50)
@given(st.integers(0, 10**6), st.integers(1, 20), st.integers(2, 6))
def test_labelers_have_the_same_hash_where_they_say_the_same(seed, n, m):
    rng = np.random.default_rng(seed)
    dense = rng.integers(-1, 2, (n, m))
    dense[:, -1] = dense[:, 0]
    parts = dense_to_events(dense.astype(np.int8), np.arange(n), np.full(m, -1, np.int8))
    hashes = labeler_hashes(*parts, m)
    for i in range(m):
        for j in range(m):
            assert (hashes[i] == hashes[j]) == (dense[:, i] == dense[:, j]).all()
