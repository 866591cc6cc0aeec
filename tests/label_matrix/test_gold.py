import numpy as np
import polars as pl
import pytest

from weaklabel.errors import GoldError
from weaklabel.label_matrix import LabelMatrix, gold_table

VOTES = LabelMatrix.from_numpy([[0], [1], [0]], ids=["a", "b", "c"])


def table(votes, gold, k=2):
    from weaklabel.label_matrix import as_patterns

    return gold_table(votes, as_patterns(votes), gold, n_classes=k)


def test_every_form_of_gold_gives_the_same_table():
    expected = table([[0], [1], [0]], [1, 0, -1])
    assert expected.sum() == 2
    for gold in (
        {"a": 1, "b": 0},
        {"b": 0, "a": 1, "c": -1},
        pl.DataFrame({"id": ["b", "a"], "code": [0, 1], "note": ["", ""]}),
    ):
        assert table(VOTES, gold).tolist() == expected.tolist()
    assert table(VOTES.patterns(), expected).tolist() == expected.tolist()
    assert table(VOTES.patterns(), np.array([1, 0, -1])).tolist() == expected.tolist()
    assert table(VOTES, None) is None
    assert table(VOTES, {}).sum() == 0


@pytest.mark.parametrize(
    ("gold", "message"),
    [
        ({"a": 1, "zz": 0}, "gold has 1 ids that are not among the votes: 'zz'"),
        ({"a": 2}, "gold code 2 is out of range: 0 to 1\n  where: id 'a'"),
        ({"a": 0.5}, "gold codes are integers without nulls, not Float64"),
        ({"a": None, "b": 1}, "gold codes are integers without nulls"),
        (pl.DataFrame({"id": ["a", "a"], "code": [0, 1]}), "several labels for 'a'"),
        (pl.DataFrame({"id": ["a"], "label": ["ham"]}), "no column 'code'\n  available: id, label"),
        (np.array([0, 1, 0]), "joined by id, and a ndarray has none"),
        ([0, 1, 0], "joined by id, and a list has none"),
    ],
)
def test_gold_that_does_not_belong(gold, message):
    with pytest.raises(GoldError) as error:
        table(VOTES, gold)
    assert message in str(error.value)


@pytest.mark.parametrize(
    ("gold", "message"),
    [
        (np.zeros((2, 3), int), "integer table (2, 2), not int64 (2, 3)"),
        (np.zeros((2, 2)), "integer table (2, 2), not float64"),
        (np.full((2, 2), 5), "more gold labels than rows"),
        (np.full((2, 2), -1), "more gold labels than rows, or a negative number"),
    ],
)
def test_tables_that_do_not_fit(gold, message):
    with pytest.raises(GoldError) as error:
        table(VOTES.patterns(), gold)
    assert message in str(error.value)
