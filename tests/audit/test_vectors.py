import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse

from naive import cosines_of_texts
from weaklabel.audit.vectors import fewer_dimensions, given_vectors, nearest, text_vectors
from weaklabel.errors import GoldError

WORDS = st.lists(st.sampled_from(["red", "blue", "car", "bus", "tram"]), max_size=6).map(" ".join)


@given(st.lists(WORDS, min_size=1, max_size=8), st.integers(1, 2))
def test_cosines_are_those_of_the_naive_twin(texts, fewest):
    found = text_vectors(pl.Series(texts, dtype=pl.String), fewest=fewest)
    cosine = (found.matrix @ found.matrix.T).toarray()
    assert cosine == pytest.approx(np.array(cosines_of_texts(texts, fewest)), abs=1e-12)


@given(st.lists(WORDS, min_size=2, max_size=8))
def test_shared_words_add_up_to_the_cosine(texts):
    found = text_vectors(pl.Series(texts, dtype=pl.String), fewest=1)
    cosine = float((found.matrix[[0]] @ found.matrix[[1]].T).sum())
    told = found.shared(0, 1, most=10)
    assert sum(value for _, value in told) == pytest.approx(cosine)
    assert [word for word, _ in told] == sorted(
        {*texts[0].split()} & {*texts[1].split()}, key=lambda w: (-dict(told)[w], found.words.index(w))
    )


def test_telling_words_set_rows_off():
    found = text_vectors(pl.Series(["late refund", "late refund", "late bus", "late bus"]))
    assert found.telling(np.array([0, 1])) == ("refund",)
    assert found.telling(np.array([], dtype=int)) == ()
    assert text_vectors(pl.Series(["a"])).telling(np.array([0])) == ()


def test_dimensions_keep_what_differs():
    texts = pl.Series(["red car", "red car fast", "blue bus", "blue bus slow"])
    flat = fewer_dimensions(text_vectors(texts, fewest=1).matrix, dimensions=2)
    assert flat.shape == (4, 2)
    assert np.linalg.norm(flat, axis=1) == pytest.approx(1)
    assert flat[0] @ flat[1] > 0.9 > 0.1 > abs(flat[0] @ flat[2])


@pytest.mark.parametrize("shape", [(3, 0), (1, 4), (3, 1)])
def test_dimensions_of_next_to_nothing(shape):
    assert len(fewer_dimensions(sparse.csr_array(np.ones(shape)))) == shape[0]


def test_embeddings_that_are_none():
    with pytest.raises(GoldError, match=r"lengths \[-1, 2\] for 2 rows"):
        given_vectors(pl.Series([[1.0, 2.0], None]), rows=2)
    with pytest.raises(GoldError, match="for 3 rows"):
        given_vectors([[1.0], [2.0]], rows=3)
    with pytest.raises(GoldError, match="not finite") as error:
        given_vectors([[1.0], [float("nan")]], rows=2)
    assert error.value.where == "row 1"
    assert given_vectors([[0.0, 0.0]], rows=1).tolist() == [[0.0, 0.0]]


@given(st.integers(1, 6), st.integers(1, 6), st.integers(1, 8), st.booleans())
def test_nearest_are_the_first_of_all_sorted(n, m, k, thin):
    rng = np.random.default_rng(n * 100 + m)
    a, b = rng.random((n, 3)), rng.random((m, 3))
    at, cosine = nearest(sparse.csr_array(a), sparse.csr_array(b), k=k) if thin else nearest(a, b, k=k)
    for i in range(n):
        ranked = sorted(range(m), key=lambda j: -(a[i] @ b[j]))[:k]
        assert at[i].tolist() == ranked
        assert cosine[i] == pytest.approx([a[i] @ b[j] for j in ranked])
