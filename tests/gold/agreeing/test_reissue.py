"""Contested kinds that are asked of other people."""

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from weaklabel.errors import GoldError
from weaklabel.gold.agreeing.consensus import consensus
from weaklabel.gold.agreeing.reissue import contested_items, reissue
from weaklabel.gold.asking.assigning import listed
from weaklabel.schema import LabelSchema

SCHEMA = LabelSchema(["ham", "spam", "news"])


def said(rows):
    """Answers from (item, annotator, label) triples; label None: none of these."""
    return pl.DataFrame(
        {
            "item": [r[0] for r in rows],
            "annotator": [r[1] for r in rows],
            "batch": "b1",
            "kind": ["none" if r[2] is None else "label" for r in rows],
            "labels": pl.Series([[] if r[2] is None else [r[2]] for r in rows], dtype=pl.List(pl.String)),
        }
    )


def people(*names):
    return pl.DataFrame({"annotator": list(names)})


ROWS = [
    *(("a", who, label) for who, label in zip("xyz", ["ham", "ham", "spam"], strict=True)),
    *(("b", who, label) for who, label in zip("xyz", ["spam", "spam", "spam"], strict=True)),
    *(("c", who, label) for who, label in zip("xyz", ["news", None, "news"], strict=True)),
    *(("d", who, label) for who, label in zip("xyz", ["ham", "spam", "news"], strict=True)),
]


def found(floor=0.6):
    return consensus(said(ROWS), schema=SCHEMA, method="majority_vote", floor=floor)


def asked(rows=ROWS):
    pairs = pl.DataFrame([r[:2] for r in rows], schema=["item", "annotator"], orient="row").unique()
    return listed(pairs, batch="b1", seed=1)


def test_the_settled_items_of_a_pair():
    # d is tied: an expert settles it, though ham and spam were both said of it
    assert contested_items(found(), "ham", "spam") == ["a"]
    assert contested_items(found(), "spam", "ham") == ["a"]
    assert contested_items(found(), "news", None) == ["c"]
    with pytest.raises(GoldError) as error:
        contested_items(found(), "ham", None)
    assert "no item was called ham by one person and none by another" in str(error.value)
    assert "ham and spam" in str(error.value) and "news and none" in str(error.value)


def test_others_are_asked_and_the_number_stays_odd():
    plan = reissue(["a", "c"], said(ROWS), asked(), people(*"xyzuvw"), batch="b1", seed=1)
    assert plan.items == ("a", "c") and plan.left == ()
    assert set(plan.assignments["annotator"]) <= set("uvw")
    assert plan.assignments.group_by("item").len().sort("item")["len"].to_list() == [2, 2]
    assert not plan.assignments["check"].any()
    assert plan.sentence == "2 items are asked of other people, 4 further answers"
    one = reissue(["a"], said(ROWS), asked(), people(*"xyzu"), batch="b1", seed=1)
    assert (one.items, one.left) == ((), ("a",))  # one more would make it even
    assert (
        one.sentence
        == "0 items are asked of other people, 0 further answers; nobody else may be asked about 1"
    )
    even = asked([r for r in ROWS if r[1] != "z"])
    assert reissue(["a"], said(ROWS[:2]), even, people(*"xyu"), batch="b1", seed=1).assignments.height == 1


def test_people_who_are_new_to_the_batch_get_hidden_checks():
    checks = pl.DataFrame({"item": [f"g{i}" for i in range(9)]})
    rows = [("a", who, "ham") for who in "xyz"] + [(f"i{n}", "u", "ham") for n in range(8)]
    plan = reissue(
        ["a"], said(rows[:3]), asked(rows), people(*"xyzuv"), batch="b1", seed=1, checks=checks, wanted=1,
        most_checks=0.5,
    )  # fmt: skip
    hidden = plan.assignments.filter("check")
    assert set(hidden["annotator"]) <= {"u", "v"} and hidden.height == 2
    assert "2 hidden checks for those who had none" in plan.sentence


def test_nobody_whose_batch_was_set_aside_is_asked():
    out = pl.DataFrame(
        {"batch": ["b1"], "annotator": ["u"], "reason": ["slept"], "failed": [[]], "lifted": [False]},
        schema_overrides={"failed": pl.List(pl.String)},
    )
    plan = reissue(["a"], said(ROWS), asked(), people(*"xyzuvw"), batch="b1", seed=1, quarantines=out)
    assert sorted(plan.assignments["annotator"]) == ["v", "w"]


def test_what_makes_no_sense():
    with pytest.raises(GoldError, match="items that are not in batch 'b1' can't be asked of others: 'q'"):
        reissue(["q"], said(ROWS), asked(), people(*"xyzuv"), batch="b1", seed=1)
    with pytest.raises(GoldError, match="at least 1 further person"):
        reissue(["a"], said(ROWS), asked(), people(*"xyzuv"), batch="b1", seed=1, people=0)


@settings(max_examples=50, deadline=None)
@given(
    extra=st.integers(0, 5),
    wanted=st.integers(1, 4),
    before=st.integers(1, 5),
    turned=st.booleans(),
    seen=st.sets(st.sampled_from("uvwst")),
)
def test_nobody_is_asked_twice_and_order_changes_nothing(extra, wanted, before, turned, seen):
    asked_people, others = list("abcde")[:before], list("uvwst")[:extra]
    rows = [(item, who, "ham") for item in ("a", "b") for who in asked_people]
    met = pl.DataFrame(
        {"item": ["a"] * len(seen), "annotator": sorted(seen)}, schema={"item": str, "annotator": str}
    )
    names = asked_people + others
    frames = (said(rows), asked(rows), people(*(names[::-1] if turned else names)))
    plan = reissue(["a", "b"], *frames, batch="b1", seed=3, people=wanted, seen=met)
    pairs = set(plan.assignments.select("item", "annotator").iter_rows())
    assert not pairs & {r[:2] for r in rows} and not pairs & {("a", who) for who in seen}
    counts = {item: sum(1 for i, _ in pairs if i == item) for item in ("a", "b")}
    for item, free in (("a", len(set(others) - seen)), ("b", len(others))):
        # naively: the largest number up to what is wanted and left that makes the whole odd
        best = max([n for n in range(1, min(wanted, free) + 1) if (before + n) % 2], default=0)
        assert counts[item] == best
        assert (item in plan.left) == (best == 0)
    turned_rows = (said(rows[::-1]), asked(rows[::-1]), people(*names))
    again = reissue(["b", "a"], *turned_rows, batch="b1", seed=3, people=wanted, seen=met)
    assert set(again.assignments.select("item", "annotator").iter_rows()) == pairs
