"""Counts, positions and windows of keyword rules, against a twin that reads the text word by word."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import naive
from weaklabel.errors import RuleError
from weaklabel.lf.context import Context, Window, check_count, compile_context, read_window
from weaklabel.lf.keywords import whole_words


def fires(text, terms, **context):
    return bool(compile_context(Context(**context), terms, whole_words)(text))


@pytest.mark.parametrize(
    ("text", "context", "expected"),
    [
        ("refund my order", {"near": Window(("order",), 2)}, True),
        ("refund of the order", {"near": Window(("order",), 2)}, False),
        ("refund of the order", {"near": Window(("order",), 3)}, True),
        ("order: refund", {"near": Window(("order",), 1)}, True),
        ("refund", {"near": Window(("refund",), 9)}, False),
        ("refund refund", {"near": Window(("refund",), 1)}, True),
        ("not refund", {"not_after": Window(("not",), 1)}, False),
        ("not a refund", {"not_after": Window(("not",), 1)}, True),
        ("not a refund", {"not_after": Window(("not",), 2)}, False),
        ("refund not", {"not_after": Window(("not",), 5)}, True),
        ("refund not", {"not_before": Window(("not",), 1)}, False),
        ("not refund, but a refund", {"not_after": Window(("not",), 1)}, True),
        ("a b refund", {"first_words": 2}, False),
        ("a refund b", {"first_words": 2}, True),
        ("a refund b", {"last_words": 1}, False),
        ("a refund!", {"last_words": 1}, True),
        ("refund and money back", {"at_least": 2}, True),
        ("refund and refund", {"at_least": 2}, False),
        ("refund and refund", {"times": 2}, True),
        ("refund", {"times": 2}, False),
        ("not a refund, money back", {"not_after": Window(("not",), 3), "times": 2}, False),
        ("", {"times": 1}, False),
    ],
)
def test_by_hand(text, context, expected):
    assert fires(text, ["refund", "money back"], **context) is expected


def test_terms_without_words_have_a_place_too():
    assert fires("good :-)", [":-)"], near=Window(("good",), 1))
    assert not fires(":-) not good at all", [":-)"], last_words=2)
    assert fires("not good at all :-)", [":-)"], last_words=2)


def test_what_counts_is_given_with_its_place():
    count = compile_context(Context(not_after=Window(("no",), 1)), ["refund"], whole_words)
    [found] = count("no refund but a refund")
    assert (found.start, found.end, found.first, found.last) == (16, 22, 4, 5)


WORDS = st.lists(st.sampled_from(["a", "b", "c", "d", "x"]), max_size=12)
GAPS = st.sampled_from([" ", "  ", ", ", "-", "\r\n", " ! "])
WINDOWS = st.none() | st.builds(
    Window,
    st.lists(st.sampled_from(["a", "a b", "b c", "x"]), min_size=1, max_size=3).map(tuple),
    st.integers(1, 4),
)
COUNTS = st.none() | st.integers(1, 5)


@settings(deadline=None, max_examples=500)
@given(
    words=WORDS,
    gap=GAPS,
    terms=st.lists(st.sampled_from(["a", "b", "b c", "a-b", "x x"]), min_size=1, max_size=3, unique=True),
    context=st.builds(
        Context,
        near=WINDOWS,
        not_after=WINDOWS,
        not_before=WINDOWS,
        first_words=COUNTS,
        last_words=COUNTS,
        at_least=st.integers(1, 3),
        times=st.integers(1, 4),
    ),
)
def test_equals_its_twin(words, gap, terms, context):
    text = gap.join(words)
    found = compile_context(context, terms, whole_words)(text)
    assert bool(found) == naive.context_fires(text, terms, context)


def check_terms(value):
    return tuple(value)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (["order"], "`near` is a mapping with terms and within, not ['order']"),
        ({"terms": ["order"]}, "`near` needs both terms and within"),
        ({"terms": ["order"], "withn": 2}, "unknown key 'withn' in `near`"),
        ({"terms": ["order"], "within": 0}, "`near.within` is a whole number from 1, not 0"),
        ({"terms": ["order"], "within": True}, "`near.within` is a whole number from 1, not True"),
    ],
)
def test_windows_that_are_none(value, message):
    with pytest.raises(RuleError, match=re.escape(message)):
        read_window("near", value, where=None, terms=check_terms)


def test_windows_that_are_some():
    window = Window(("order",), 2)
    assert read_window("near", {"terms": ["order"], "within": 2}, where=None, terms=check_terms) == window
    assert read_window("near", window, where=None, terms=check_terms) is window
    assert read_window("near", None, where=None, terms=check_terms) is None
    assert check_count("times", 3, where=None) == 3
    assert Context(near=window, times=2).plain() == {"near": {"terms": ["order"], "within": 2}, "times": 2}
