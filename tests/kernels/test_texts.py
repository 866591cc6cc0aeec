"""Hashes of texts: the obvious twin, values that never change, and that bits are fair."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

import naive
from weaklabel.kernels.texts import hash_texts, leading_zeros

GOOD = [
    0,
    77558296623905149,
    8467834262628631271,
    18380092792961986276,
    16290500977909117017,
]

seeds = st.sampled_from([0, 1, 0x5DEECE66D, 2**64 - 1])


def hashes(texts, seed=0):
    raw = [text.encode() for text in texts]
    offsets = np.cumsum([0, *map(len, raw)]).astype(np.int64)
    return hash_texts(offsets, np.frombuffer(b"".join(raw) + b"\0", np.uint8), seed)


@given(st.lists(st.text(max_size=30), max_size=8), seeds)
def test_hashes_are_those_of_the_twin(texts, seed):
    assert hashes(texts, seed).tolist() == [naive.text_hash(text, seed) for text in texts]


def test_hashes_stay_what_they_are():
    """Files of hashes are compared with older ones, and samples are drawn by them: these numbers are for good."""
    assert hashes(["", "a", "doc-000001", "eight by", "🙂"]).tolist() == GOOD


def test_zeros_behind_a_text_are_another_text():
    assert len(set(hashes(["", "\0", "\0\0", "a", "a\0", "a" * 8, "a" * 8 + "\0"]).tolist())) == 7


def test_bits_are_fair_and_seeds_have_nothing_to_do_with_each_other():
    texts = [f"doc-{i:09d}" for i in range(4096)]
    one, other = hashes(texts, 0), hashes(texts, 0x5DEECE66D)
    assert len(set(one.tolist())) == len(texts)
    bits = np.unpackbits(one.view(np.uint8).reshape(-1, 8), axis=1)
    assert np.abs(bits.mean(axis=0) - 0.5).max() < 0.05  # six standard deviations
    assert abs(np.corrcoef(bits.ravel(), np.unpackbits(other.view(np.uint8)))[0, 1]) < 0.015


@given(st.lists(st.integers(0, 64).flatmap(lambda n: st.integers(0, 2**n - 1)), max_size=10))
def test_leading_zeros_are_those_of_the_twin(numbers):
    found = leading_zeros(np.array(numbers, np.uint64))
    assert found.tolist() == [naive.leading_zeros(number) for number in numbers]
