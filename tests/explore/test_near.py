"""Near misses: found where one edit or one word is missing, and nowhere else."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import naive
from weaklabel.explore.near import HOW, LiteralIndex, WordIndex, counted, edit, near_misses, why_none
from weaklabel.lf import keywords, labeling_function, lookup, regex, where

WORDS = st.text(alphabet="abcd", max_size=6)


@settings(max_examples=1000, deadline=None)
@given(WORDS, WORDS)
def test_one_edit_is_what_the_table_says(word, other):
    assert (edit(word, other) is not None) == (naive.edits(word, other) == 1)


@pytest.mark.parametrize(
    "other, how",
    [
        ("refunnd", "one letter more"),
        ("refnd", "one letter less"),
        ("refurd", "one letter other"),
        ("refudn", "two letters swapped"),
    ],
)
def test_the_edit_is_named(other, how):
    assert edit("refund", other) == how


def near(rule, *texts):
    return [(n.row, n.found, n.how) for n in near_misses(rule, list(texts))]


def test_words():
    rule = keywords("r", ["refund"], label="a")
    texts = ["a Refnd!", "refunding it", "the fund", "rfnd", None, "refund", "refundamental"]
    assert near(rule, *texts) == [(0, "refnd", "one letter less"), (1, "refunding", "another ending")]


def test_short_words_have_too_many_neighbours():
    assert near(keywords("r", ["rust"], label="a"), "just", "rusty", "rsut") == [
        (1, "rusty", "one letter more"),
        (2, "rsut", "two letters swapped"),
    ]
    assert near(keywords("r", ["tea"], label="a"), "sea", "teas") == []


@pytest.mark.parametrize(
    "text, found, how",
    [
        ("my mony back", "mony back", "one letter other"),
        ("money, back!", "money, back", "other signs between"),
        ("moneyback", "moneyback", "other signs between"),
        ("money right back", "money right back", "one word more"),
        ("back money", "back money", "two words swapped"),
        ("cash back", "cash back", "one word other"),
        ("money for it, and back", "money for", "one word other"),
        ("nothing", None, None),
    ],
)
def test_phrases(text, found, how):
    rule = keywords("r", ["money back"], label="a")
    assert near(rule, text) == ([] if found is None else [(0, found, how)])


def test_longer_phrases_may_lack_a_word():
    rule = keywords("r", ["get my money back"], label="a")
    assert near(rule, "get money back") == [(0, "get money back", "one word less")]
    assert near(rule, "get the money back") == [(0, "get the money back", "one word other")]
    assert near(rule, "get back") == []


def test_the_place_is_in_the_original_text():
    rule = keywords("r", ["strassenfest"], label="a")
    [found] = near_misses(rule, ["zum Straßenfests!"])
    assert found.found == "strassenfests"
    assert "zum Straßenfests!"[slice(*found.place)] == "Straßenfests"


def test_lookups_have_near_misses_too():
    rule = lookup("r", {"thinkpad": "laptops", "galaxy": "phones"})
    assert near(rule, "a thinkpads", "galaxi") == [
        (0, "thinkpads", "one letter more"),
        (1, "galaxi", "one letter other"),
    ]


def test_regexes_by_the_literals_they_need():
    rule = regex("r", r"(?<!price )guarantee", label="a")
    texts = ["price guarantee", "a garantee", "guaranteee", "gaurantee", "nothing", None]
    assert near(rule, *texts) == [
        (0, "guarantee", "the rest does not fit"),
        (1, "garantee", "one letter less"),
        (2, "guaranteee", "the rest does not fit"),
        (3, "gaurantee", "two letters swapped"),
    ]


def test_a_text_is_a_near_miss_once_by_the_nearest_way():
    rule = keywords("r", ["refund", "money back"], label="a")
    assert near(rule, "refnd of money right back") == [(0, "refnd", "one letter less")]


def test_why_there_are_none():
    @labeling_function(label="a")
    def python(row):
        return True

    assert "not for python rules" in why_none(python)
    assert "not for where rules" in why_none(where("w", "length(text) > 1", label="a"))
    assert "whole values" in why_none(lookup("r", {"gold": "vip"}, match="exact"))
    assert "no literal of 4 characters" in why_none(regex("r", "[a-z]+!", label="a"))
    assert why_none(regex("r", "refund", label="a")) is None
    assert near_misses(python, ["text"]) == []


def test_groups_go_by_nearness_then_number():
    rule = keywords("r", ["refund", "money back"], label="a")
    found = near_misses(rule, ["refnd", "refnd", "cash back", "cash back", "cash back", "refunds"])
    assert [(word, len(group)) for _, word, _, group in counted(found)] == [
        ("refnd", 2),
        ("refunds", 1),
        ("cash back", 3),
    ]


@settings(max_examples=100, deadline=None)
@given(
    st.lists(
        st.lists(st.sampled_from(["refund", "refnd", "my", "money", "back", "bakc"]), max_size=6), max_size=6
    )
)
def test_an_index_at_hand_changes_nothing(rows):
    texts = [" ".join(words) for words in rows]
    rule = keywords("r", ["refund", "my money back"], label="a")
    index = WordIndex.of(texts, case="ignore", accents="keep")
    found = near_misses(rule, texts)
    assert found == near_misses(rule, texts, index=index)
    assert all(n.how in HOW for n in found)
    assert near_misses(keywords("r", ["my money back"], label="a"), texts, index=index) == near_misses(
        keywords("r", ["my money back"], label="a"), texts
    )  # nor does one that has seen other terms
    assert found == near_misses(rule, texts, index=index)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.text(alphabet="Refudn İß\n", max_size=12), max_size=6))
def test_texts_for_literals_at_hand_change_nothing(texts):
    rule, other = (
        regex(id, pattern, label="a") for id, pattern in (("r", "refund(?!ed)"), ("s", "fund|dune"))
    )
    index = LiteralIndex.of(texts)
    found = near_misses(rule, texts)
    assert found == near_misses(rule, texts, index=index)
    assert near_misses(other, texts, index=index) == near_misses(other, texts)
    assert found == near_misses(rule, texts, index=index)


def test_a_row_that_is_left_out_does_not_change_the_others():
    texts = ["a refnd", "the refund", "refumd", "dune"]
    rule = regex("r", "refund", label="a")
    everything = near_misses(rule, texts)
    assert [n.row for n in everything] == [0, 1, 2]
    assert near_misses(rule, [None, *texts[1:]]) == everything[1:]


def test_a_condition_that_does_not_hold_is_a_near_miss():
    rule = keywords("r", ["refund"], label="a", not_after={"terms": ["no"], "within": 2})
    assert near(rule, "no refund", "a refund", "refnd") == [
        (0, "refund", "its condition does not hold"),
        (1, "refund", "its condition does not hold"),  # it fires here: such rows are not to be given
        (2, "refnd", "one letter less"),
    ]
