import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from naive import cosines_of_texts
from weaklabel.audit.alike import similar
from weaklabel.errors import GoldError

TEXTS = st.lists(
    st.lists(st.sampled_from(["late", "refund", "car", "bus"]), max_size=5).map(" ".join),
    min_size=2,
    max_size=8,
)


@given(TEXTS, st.integers(1, 8))
def test_order_is_that_of_the_naive_cosines(texts, most):
    rows = pl.DataFrame({"id": [f"r{i}" for i in range(len(texts))], "text": texts})
    cosine = cosines_of_texts(texts, 1)[0]
    found = similar(rows, "r0", most=most)
    ranked = sorted(
        (i for i in range(1, len(texts)) if cosine[i] > 1e-9), key=lambda i: (-round(cosine[i], 9), i)
    )
    assert [one.cosine for one in found] == pytest.approx([cosine[i] for i in ranked[:most]])
    assert all(cosine[int(one.id[1:])] == pytest.approx(one.cosine) for one in found)
    assert "r0" not in {one.id for one in found}


def test_common_words_explain():
    rows = pl.DataFrame({"id": ["a", "b", "c"], "text": ["my refund is late", "late bus", None]})
    (one,) = similar(rows, "a")
    assert (one.id, [word for word, _ in one.words], one.by) == ("b", ["late"], "words")
    assert sum(value for _, value in one.words) == pytest.approx(one.cosine)
    assert similar(rows, "c") == ()
    assert one.to_dict()["words"][0][0] == "late"


def test_embeddings_decide_and_words_only_explain():
    rows = pl.DataFrame({"id": ["a", "b", "c"], "text": ["late refund", "late refund", "bus"]})
    found = similar(rows, "a", embeddings=np.array([[1.0, 0.0], [0.6, 0.8], [2.0, 0.1]]))
    assert [one.id for one in found] == ["c", "b"]
    assert str(found[0]) == "c: 1.00, no word in common"
    assert found[1].cosine == pytest.approx(0.6) and found[1].by == "embeddings"


def test_what_is_wrong_is_said():
    rows = pl.DataFrame({"id": ["mail-1", "mail-2"], "text": ["a", "b"]})
    with pytest.raises(GoldError, match="no row 'mail1'") as error:
        similar(rows, "mail1")
    assert "mail-1" in error.value.hint
    with pytest.raises(GoldError, match="no column 'text'"):
        similar(rows.drop("text"), "mail-1")
    with pytest.raises(GoldError, match="not 0"):
        similar(rows, "mail-1", most=0)
    with pytest.raises(GoldError, match="for 2 rows"):
        similar(rows, "mail-1", embeddings=[[1.0]])
