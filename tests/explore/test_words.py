"""Words and phrases as a keyword rule sees them."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import naive
from strategies import hostile_texts
from weaklabel.explore.words import Vocabulary, distinguishing, term_spans


@pytest.mark.parametrize(
    "text, terms",
    [
        ("Money  back", ["back", "money", "money back"]),
        ("money, back", ["back", "money"]),
        ("I don't!", ["don't", "i", "i don't"]),
        ("die Straße", ["die", "die strasse", "strasse"]),
        ("cafe\u0301", ["café"]),
        ("", []),
        ("?!", []),
    ],
)
def test_terms(text, terms):
    assert list(Vocabulary.of([text], fewest=1, longest=2).terms) == terms


def test_terms_stand_in_enough_texts():
    texts = ["a tent"] * 3 + ["a mug", None]
    vocabulary = Vocabulary.of(texts, fewest=2)
    assert vocabulary.terms == ("a", "a tent", "tent")
    assert vocabulary.has("tent").tolist() == [True, True, True, False, False]


def test_a_term_counts_once_a_text():
    vocabulary = Vocabulary.of(["go go go", "go"], fewest=2)
    assert vocabulary.counts.todense().tolist() == [[1.0], [1.0]]


@settings(max_examples=200, deadline=None)
@given(st.lists(hostile_texts(), max_size=5))
def test_wherever_a_term_stands_a_keyword_rule_fires(texts):
    vocabulary = Vocabulary.of(texts, fewest=1)
    for term in vocabulary.terms:
        for text, has in zip(texts, vocabulary.has(term)):
            assert not has or naive.keyword_vote(text, [term], 1) == 1
            assert not has or term_spans(text, term)


def test_rare_terms_weigh_more_and_rows_have_length_one():
    vocabulary = Vocabulary.of(["the tent", "the mug", "the mug", "the cup"], fewest=1, longest=1)
    weights = vocabulary.tf_idf.todense()
    assert weights[:, vocabulary.terms.index("the")].tolist() == [0, 0, 0, 0]
    assert np.linalg.norm(weights, axis=1) == pytest.approx(1)


def test_what_sets_texts_off():
    texts = ["my tent leaks"] * 10 + ["my mug leaks"] * 10
    vocabulary = Vocabulary.of(texts, fewest=1, longest=1)
    inside = np.arange(20) < 10
    assert [vocabulary.terms[j] for j in distinguishing(vocabulary, inside)] == ["tent"]
    assert [vocabulary.terms[j] for j in distinguishing(vocabulary, ~inside)] == ["mug"]
    assert distinguishing(vocabulary, np.arange(20) % 2 == 0) == []


def test_common_words_tell_nothing_unless_they_go_with_a_group():
    texts = ["the tent is ab"] * 60 + ["the mug is ab"] * 60
    vocabulary = Vocabulary.of(texts, fewest=1, longest=2)
    group = (np.arange(120) < 60)[:, None].astype(float)

    def telling(groups):
        return {t for t, tells in zip(vocabulary.terms, vocabulary.telling(groups)) if tells}

    assert telling(np.zeros((120, 0))) == set()
    assert telling(np.hstack([group, 1 - group])) == {"tent", "mug"}


def test_rare_words_tell_something():
    vocabulary = Vocabulary.of(["the tent"] * 600 + ["a yurt on it"], fewest=1, longest=1)
    telling = vocabulary.telling(np.zeros((601, 0)))
    assert {t for t, tells in zip(vocabulary.terms, telling) if tells} == {"yurt"}
