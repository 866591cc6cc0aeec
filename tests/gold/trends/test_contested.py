"""Contested pairs, hardest items and confusion matrices: by hand, and as the twins say."""

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import naive
from weaklabel.gold.trends.contested import CONFUSIONS, HARDEST, PAIRS, confusions, contested_pairs, hardest
from weaklabel.stats import wilson

CLASSES = ("ham", "news", "spam")
ROWS = {
    "order": pl.Int64,
    "item": pl.String,
    "annotator": pl.String,
    "said": pl.String,
    "gold": pl.String,
    "source": pl.String,
    "seconds": pl.Float64,
    "commented": pl.Boolean,
}


def rows_of(*rows):
    base = {"commented": False}
    return pl.DataFrame([base | {"order": n, **row} for n, row in enumerate(rows, start=1)], schema=ROWS)


def said(item, person, what, **more):
    return {"item": item, "annotator": person, "said": what, **more}


def test_contested_pairs_by_hand():
    rows = rows_of(
        said("a", "1", "spam"), said("a", "2", "ham"),
        said("b", "1", "ham"), said("b", "2", "ham"),
        said("c", "1", "spam"), said("c", "2", "news"), said("c", "3", "ham"),
        said("d", "1", "spam"), said("d", "2", None),
    )  # fmt: skip
    found = contested_pairs(rows, classes=CLASSES)
    assert found.select("one", "other", "items", "either").rows() == [
        ("ham", "spam", 2, 3),
        ("news", "spam", 1, 2),  # as many items, but a larger share of them
        ("ham", "news", 1, 3),
    ]
    ends = wilson(2, 3)
    assert found.row(0, named=True)["low"] == ends.low and found["few"].all()


def test_nobody_differs():
    rows = rows_of(said("a", "1", "ham"), said("a", "2", "ham"), said("b", "1", "spam"))
    assert contested_pairs(rows, classes=CLASSES).schema == pl.Schema(PAIRS)
    assert contested_pairs(rows, classes=CLASSES).height == 0
    assert hardest(rows).height == 0 and hardest(rows).schema == pl.Schema(HARDEST)
    assert confusions(rows).schema == pl.Schema(CONFUSIONS)


def test_hardest_items_are_those_that_are_surely_hard():
    split = [said("a", str(n), "ham" if n % 2 else "spam", seconds=float(n)) for n in range(8)]
    few = [said("b", "1", "ham"), said("b", "2", "spam")]
    calm = [said("c", str(n), "ham") for n in range(5)]
    wrong = [said("d", str(n), "ham", gold="spam", commented=n == 0) for n in range(3)]
    unsure = [said("b", "3", None)]
    found = hardest(rows_of(*split, *few, *calm, *wrong, *unsure))
    assert found["item"].to_list() == ["a", "b", "d"]
    first, second, third = found.rows(named=True)
    assert (first["answers"], first["differ"], first["said"], first["seconds"]) == (
        8,
        4,
        ["ham", "spam"],
        3.5,
    )
    assert (second["answers"], second["no_opinion"], second["gold"]) == (2, 1, None)
    assert (third["differ"], third["wrong"], third["gold"], third["comments"]) == (0, 3, "spam", 1)
    assert hardest(rows_of(*split, *few), most=1)["item"].to_list() == ["a"]


def test_a_persons_matrix_is_of_hidden_checks_where_there_are_any():
    rows = rows_of(
        said("a", "1", "ham", gold="ham", source="check"),
        said("b", "1", "spam", gold="ham", source="check"),
        said("c", "1", "news", gold="news", source="training"),
        said("c", "2", "spam", gold="news", source="training"),
        said("d", "2", "ham", gold="ham", source="settled"),
        said("e", "3", "ham", gold="ham", source="settled"),
        said("f", "4", "ham"),
    )
    found = confusions(rows).select("annotator", "source", "gold", "said", "n", "share").rows()
    assert found == [
        ("1", "check", "ham", "ham", 1, 0.5),
        ("1", "check", "ham", "spam", 1, 0.5),
        ("2", "training", "news", "spam", 1, 1.0),
        ("3", "settled", "ham", "ham", 1, 1.0),
    ]


def test_a_persons_latest_answer_counts():
    rows = rows_of(
        said("a", "1", "spam", gold="ham", source="check"), said("a", "1", "ham", gold="ham", source="check")
    )
    assert confusions(rows).select("said", "n").rows() == [("ham", 1)]


ANSWER = st.tuples(st.sampled_from("abcd"), st.sampled_from("123"), st.sampled_from([*CLASSES, None]))


@settings(deadline=None)
@given(st.lists(ANSWER, max_size=25), st.integers(0, 2**31))
def test_as_the_twin_says_in_any_order(answers, seed):
    rows = rows_of(*(said(*one, gold="ham" if one[0] == "a" else None, source="check") for one in answers))
    found = contested_pairs(rows, classes=CLASSES)
    twin = naive.contested(rows.to_dicts())
    assert {(r["one"], r["other"]): (r["items"], r["either"]) for r in found.to_dicts()} == twin
    shuffled = rows.sample(fraction=1.0, shuffle=True, seed=seed)
    assert contested_pairs(shuffled, classes=CLASSES).equals(found)
    assert hardest(shuffled).equals(hardest(rows))
    assert confusions(shuffled).equals(confusions(rows))
    if found.height:
        assert found["share"].to_list() == pytest.approx([r["items"] / r["either"] for r in found.to_dicts()])
