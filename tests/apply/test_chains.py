"""Regexes that are words in a row with anything between them."""

import random
import re

import polars as pl
import pytest

import naive
import weaklabel as wl
from batches import asked
from weaklabel.apply.chains import Gap, chains_of
from weaklabel.apply.scan import compile_scan
from weaklabel.kernels import tables

SCHEMA = wl.LabelSchema(["x", "y"])
ANY, APART = 63, 63 & ~tables.WORD & ~tables.WIDE_WORD


def spelt(part):
    return [bytes(a for a, _ in word.letters).decode() for word in part]


def votes_of(patterns, listed, case="sensitive"):
    rules = [wl.regex(f"r{i}", pattern, label="y", case=case) for i, pattern in enumerate(patterns)]
    scan, rest = compile_scan(rules, SCHEMA)
    assert rest == ()
    return [votes.tolist() for votes in scan.run(*asked(pl.Series(listed, dtype=pl.String))).values()]


@pytest.mark.parametrize(
    ("pattern", "parts", "gaps"),
    [
        (r"\bab\b.*\bcd\b", [["ab"], ["cd"]], [Gap(0, -1, False)]),
        (
            r"(ab|cde?).+?xy.*z!",
            [["ab", "cd", "cde"], ["xy"], ["z!"]],
            [Gap(1, -1, False), Gap(0, -1, False)],
        ),
        (r"(?s)ab.{3,}cd", [["ab"], ["cd"]], [Gap(3, -1, True)]),
        (r"ab[\s\S]{0,20}cd", [["ab"], ["cd"]], [Gap(0, 20, True)]),
        (r"ab[^\n]{2,15}c[de]", [["ab"], ["cd", "ce"]], [Gap(2, 15, False)]),
        (r".*\w*ab.*cd\w*.*", [["ab"], ["cd"]], [Gap(0, -1, False)]),
        (r"(?:ab(.*)(cd))", [["ab"], ["cd"]], [Gap(0, -1, False)]),
    ],
)
def test_chains_worked_by_hand(pattern, parts, gaps):
    [chain] = chains_of(re.compile(pattern), lower=False)
    assert ([spelt(part) for part in chain.parts], list(chain.gaps)) == (parts, gaps)


def test_choices_of_chains_are_several():
    both = chains_of(re.compile(r"\b(?:ab.*cd|cd.*ab)\b"), lower=False)
    assert [[spelt(part) for part in chain.parts] for chain in both] == [[["ab"], ["cd"]], [["cd"], ["ab"]]]


@pytest.mark.parametrize(
    ("pattern", "sides"),
    [
        (r"\bab\b.*cd", [(APART, APART), (ANY, ANY)]),
        (r"\Aab.*cd\Z", [(tables.AT_START, ANY), (ANY, tables.AT_START)]),
        (r"(?m)^ab.*cd(?!\w)", [(tables.AT_START | tables.NEWLINE, ANY), (ANY, APART)]),
        (r"a\Bb.*\Bcd", [(ANY, ANY), (tables.WORD | tables.WIDE_WORD, ANY)]),
    ],
)
def test_what_may_stand_around_words_worked_by_hand(pattern, sides):
    [chain] = chains_of(re.compile(pattern), lower=False)
    assert [(word.left, word.right) for (word,) in chain.parts] == sides


@pytest.mark.parametrize(
    "pattern",
    [
        "abc",  # no gap
        "ab.{0,5}cd",  # a machine reads that
        "ab.{0,20}cd.*ef",  # the last place is not enough for what comes after
        "ab[^.]*cd",  # something may not lie between
        r"ab\s*.*cd",  # the first part may end in several places, without end
        "ab.*é",  # no plain bytes
        "ab.*c",  # too common
        r"(ab).*\1",
        r"ab.*c\bd.*ef",  # never matches
        r"ab.*cd$",  # before the last newline, but before no other
        r"(?>ab).*cd",
        "ab.*+cd",
        "(ab.*cd){2}",
        r"ab.*\ncd",
        "|".join(f"ab.*c{chr(97 + i)}{chr(97 + i)}" for i in range(9)),
        "ab.*" + "[ab]" * 7,
    ],
)
def test_what_is_no_chain(pattern):
    assert chains_of(re.compile(pattern), lower=False) == ()


@pytest.mark.parametrize(
    ("pattern", "text", "vote"),
    [
        ("aba.*bab", "abab", -1),  # words may not overlap
        ("aba.*bab", "ababab", 1),
        ("ab.*cd", "ab\ncd", -1),
        ("ab.*cd", "ab\ncd ab\nab cd", 1),
        ("ab.*cd", "cd ab", -1),
        ("(?s)ab.*cd", "ab\ncd", 1),
        (r"ab.*cd(?s:.*)ef", "ab\ncd\nab cd\nef", 1),
        (r"ab.*cd(?s:.*)ef", "ab\ncd\nef", -1),
        (r"ab(?s:.*)cd.*ef", "ab\ncd\nef cd ef", 1),
        ("ab.{2,}cd", "ab cd", -1),
        ("ab.{2,}cd", "ab ab cd", 1),
        ("ab.{0,9}cd", "ab" + "é" * 9 + "cd", 1),  # characters, not bytes
        ("ab.{0,9}cd", "ab" + "é" * 10 + "cd", -1),
        ("ab.{9}cd", "ab" + "🐈" * 8 + "cd", -1),
        ("ab.{9}cd", "ab" + "🐈" * 9 + "cd", 1),
        ("aba.{0,9}bab", "aba abab", 1),  # the last place is too late, the one before it is not
        ("aba.{0,9}bab", "aba" + "x" * 10 + "abab", -1),
        ("ab.{3,9}cd", "ab ab cd", 1),
        ("ab.*ab.*ab", "ab ab", -1),
        ("ab.*ab.*ab", "ababab", 1),
    ],
)
def test_votes_worked_by_hand(pattern, text, vote):
    assert (re.search(pattern, text) is not None) == (vote == 1)
    assert chains_of(re.compile(pattern), lower=False)
    assert votes_of([pattern], [text]) == [[vote]]


def test_rules_that_open_with_the_same_words_share_their_place():
    patterns = [
        r"\bab\b.*\bcd\b",
        r"\bab\b.*\bef\b",
        r"\bab\b.{0,20}ef",
        r"(?s)\bab\b.*cd",
        r"ab.*cd",
        r"xy.*ab.*ef",
    ]
    listed = ["ab cd ef", "ab\ncd ef", "ab ef", "ab" + " " * 21 + "ef", "abcd", "xy ab ef", "cd", None]
    rules = [wl.regex(f"r{i}", pattern, label="y") for i, pattern in enumerate(patterns)]
    scan, _ = compile_scan(rules, SCHEMA)
    opening = scan.compiled.patterns.links[:, tables.BEFORE] < 0
    assert opening.sum() == 5  # of six rules
    assert votes_of(patterns, listed) == [
        [naive.regex_vote(t, p, 1, "sensitive") for t in listed] for p in patterns
    ]


PATTERNS = [
    r"\bab\b.*\bcd\b", "ab.*ba", "(?s)ab.*cd", "ab.+?cd", "ab.{3,}cd", "ab.{0,20}cd", "ab.{2,15}bc", "ab.*cd.*ab",
    r"ab[\s\S]*cd.*ab", "ab.*cd(?s:.*)ab", r"\bab\b.*\bcd\b|\bcd\b.*\bab\b", r"ab(s|ed)?.*cd(s)?\b", "a[bc]{2}.*[cd]d",
    r"\Aab.*cd\Z", "(?m)^ab.*cd", "aba.*bab", "(?s)aba.{1,10}bab", "ab.{9}cd", "Ab.*cD", "(?i:Ab).*cD", r"ab(?!\w).*(?<!\w)cd",
]  # fmt: skip
PIECES = [
    "ab",
    "cd",
    "Ab",
    "a",
    "b",
    "c",
    "d",
    " ",
    " ",
    " ",
    "\n",
    "é",
    "🐈",
    "!",
    "s",
    "ed",
    "bab",
    "aba",
    "ABCD",
    "ſ",
    "K",
]


@pytest.mark.parametrize("case", ["sensitive", "ignore", "lower"])
def test_chains_vote_as_python_does(case):
    rng = random.Random(f"chains {case}")
    listed = ["".join(rng.choices(PIECES, k=rng.randrange(14))) for _ in range(1500)]
    listed += ["".join(rng.choices(PIECES, k=400)) for _ in range(20)] + ["ab cd", "Ab cD", "ab 345678 cd"]
    assert all(chains_of(re.compile(pattern), lower=False) for pattern in PATTERNS)
    found = votes_of(PATTERNS, listed, case)
    for pattern, votes in zip(PATTERNS, found, strict=True):
        wanted = [naive.regex_vote(text, pattern, 1, case) for text in listed]
        assert votes == wanted, pattern
        assert len(set(wanted)) == 2 or (case == "lower" and "cD" in pattern)


def test_a_text_with_more_hits_than_are_noted_at_a_time():
    full = "ab " * 1500
    listed = [full + "cd", "cd" + full, full + "\ncd", full + "\n" + full + "cd"]
    assert votes_of([r"\bab\b.*\bcd\b", r"ab.{20,}cd"], listed) == [[1, -1, -1, 1], [1, -1, -1, 1]]
