"""Token patterns asked of words: once per distinct word, in a row, never across texts."""

import numpy as np
import polars as pl
import pytest

import weaklabel as wl
from weaklabel.apply import spacy_lane, spacy_words
from weaklabel.apply.spacy_words import Screen, WordPattern, WordTests, word_patterns

spacy = pytest.importorskip("spacy", reason="spaCy is not installed")


@pytest.fixture
def nlp():
    return spacy.blank("en")


def words(nlp, *texts):
    return [nlp(text).to_array("ORTH") for text in texts]


@pytest.mark.parametrize(
    ("pattern", "tests", "expected"),
    [
        ([{"TEXT": "A"}, {"LENGTH": 3}], [{"ORTH": "A"}, {"LENGTH": 3}], WordPattern((0, 1), True)),
        ([{"LOWER": "a"}, {"LOWER": "a"}], [{"LOWER": "a"}], WordPattern((0, 0), True)),
        ([{"LOWER": "a"}, {}], [{"LOWER": "a"}, {}], WordPattern((0, 1), True)),
        ([{"LOWER": "a", "OP": "+"}, {"IS_STOP": True}], [{"LOWER": "a"}, {"IS_STOP": True}], WordPattern((0, 1), False)),
        ([{"LOWER": "a", "OP": "?"}, {"IS_STOP": True}], [{"IS_STOP": True}], WordPattern((0,), False)),
        ([{"LOWER": "a", "POS": "X"}, {"POS": "Y"}], [{"LOWER": "a"}], WordPattern((0,), False)),
        ([{"LOWER": "a", "SPACY": False}], [{"LOWER": "a"}], WordPattern((0,), False)),
        ([{"NORM": "a"}], [], WordPattern((), False)),
        ([{"IS_SENT_START": True}, {"LOWER": "a", "OP": "!"}], [], WordPattern((), False)),
    ],
)  # fmt: skip
def test_patterns_as_tests(pattern, tests, expected):
    found, patterns = word_patterns([wl.spacy_pattern("r", pattern, label="x")])
    assert found == tests
    assert patterns == {"r": (expected,)}


def test_patterns_share_tests():
    rules = [
        wl.spacy_pattern("a", [[{"LOWER": "x"}], [{"lower": "x"}, {"TEXT": "X"}]], label="x"),
        wl.spacy_pattern("b", [[{"ORTH": "X"}]], label="x"),
    ]
    tests, patterns = word_patterns(rules)
    assert tests == [{"LOWER": "x"}, {"ORTH": "X"}]
    assert patterns["b"] == (WordPattern((1,), True),)


TESTS = [
    {"LOWER": "b"},
    {"IS_ALPHA": True},
    {"LOWER": {"IN": ["a", "c"]}, "IS_TITLE": True},
    {"ORTH": {"REGEX": "^[ab]$"}},
    {},
]


def test_words_in_a_row_are_of_one_text(nlp):
    screen = Screen(WordTests(nlp.vocab, TESTS), words(nlp, "a b", "A", "b a B", "", "c, b", "C b"))
    assert screen.passing(WordPattern((1, 0), True)).tolist() == [True, False, True, False, False, True]
    assert screen.passing(WordPattern((2, 0), True)).tolist() == [False, False, False, False, False, True]
    assert screen.passing(WordPattern((2,), True)).tolist() == [False, True, False, False, False, True]
    assert screen.passing(WordPattern((4, 4, 0), True)).tolist() == [False, False, True, False, True, False]
    assert screen.passing(WordPattern((3, 1), False)).tolist() == [True, False, True, False, True, True]
    assert screen.passing(WordPattern((), False)).tolist() == [True, True, True, False, True, True]


def test_no_texts_and_no_words(nlp):
    tests = WordTests(nlp.vocab, TESTS)
    assert Screen(tests, []).passing(WordPattern((0,), True)).tolist() == []
    assert Screen(tests, words(nlp, "", "")).passing(WordPattern((0, 1), True)).tolist() == [False, False]
    assert Screen(WordTests(nlp.vocab, []), words(nlp, "a", "")).passing(WordPattern((), False)).tolist() == [
        True,
        False,
    ]


def test_each_word_is_asked_once_and_forgotten_when_there_are_too_many(nlp, monkeypatch):
    asked = []
    test = WordTests._test

    def noted(self, some):
        asked.extend(nlp.vocab.strings[word] for word in some)
        return test(self, some)

    monkeypatch.setattr(WordTests, "_test", noted)
    tests = WordTests(nlp.vocab, TESTS)
    for text, expected in (("b x b", ["b", "x"]), ("x b A", ["A"]), ("A", [])):
        asked.clear()
        codes, passed = tests.ask(words(nlp, text)[0])
        assert sorted(asked) == sorted(expected)
        np.testing.assert_array_equal(passed[0, codes], [word == "b" for word in text.split()])
    monkeypatch.setattr(spacy_words, "_MOST_ANSWERS", 0)
    tests.ask(words(nlp, "b")[0])
    assert asked == ["b"]


@pytest.mark.parametrize("singles", [0, 10**9])
def test_one_matcher_of_all_rules_and_one_for_each_say_the_same(singles, monkeypatch):
    monkeypatch.setattr(spacy_lane, "_SINGLES", singles)
    rules = [
        wl.spacy_pattern(f"r{i}", [{"LOWER": word}, {"IS_PUNCT": True, "OP": "?"}, {"LOWER": "b"}], label="x")
        for i, word in enumerate("acd")
    ]
    frame = pl.DataFrame({"id": ["1", "2", "3", "4"], "text": ["a, b", "c b! d; b", "a, x b", "e"]})
    registry = wl.LFRegistry(rules, schema=wl.LabelSchema(["x", "y"]))
    votes = wl.LFApplier(registry).apply(frame).to_numpy()
    assert votes.tolist() == [[0, -1, -1], [-1, 0, 0], [-1, -1, -1], [-1, -1, -1]]
